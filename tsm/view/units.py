"""What runs tsm at boot and each minute: systemd units and crontab lines."""

from __future__ import annotations

from tsm.record import Record


class Call(Record):
    """How tsm is to be called when nobody is logged in."""

    program: tuple[str, ...]  # argv of tsm itself
    home: str
    system: bool  # units of the whole machine, not of one user


def systemd_resident(call: Call) -> dict[str, str]:
    """One unit for a patrol that stays, which tells systemd that it is ready and alive."""
    target = "multi-user.target" if call.system else "default.target"
    unit = _unit(
        call,
        "patrol",
        "Look after the processes of tsm",
        after="After=network.target\n" if call.system else "",
        kind="Type=notify\nNotifyAccess=main\nWatchdogSec=60\nRestart=always\nRestartSec=1\n",
    )
    start = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    resurrect = start.replace("ExecStart=", "ExecStartPre=-", 1).removesuffix("patrol")
    stays = f"{resurrect}resurrect\n{start} --foreground"
    return {"tsm.service": unit.replace(start, stays) + f"\n[Install]\nWantedBy={target}\n"}


def systemd(call: Call) -> dict[str, str]:
    """The units by file name.

    A unit that ends leaves its children alone: KillMode=process signals nobody but tsm
    itself, and OOMPolicy=continue takes nobody along.
    """
    target = "multi-user.target" if call.system else "default.target"
    return {
        "tsm.service": _unit(
            call,
            "resurrect",
            "Bring back the processes of tsm",
            after="After=network.target\n" if call.system else "",
            kind="Type=oneshot\nRemainAfterExit=yes\n",
        )
        + f"\n[Install]\nWantedBy={target}\n",
        "tsm-patrol.service": _unit(
            call,
            "patrol",
            "Put right what is not with the processes of tsm",
            after="After=tsm.service\n",
            kind="Type=oneshot\n",
        ),
        "tsm-patrol.timer": (
            "[Unit]\nDescription=Look after the processes of tsm each minute\n"
            "\n[Timer]\nOnBootSec=1min\nOnUnitInactiveSec=1min\nAccuracySec=1s\n"
            "\n[Install]\nWantedBy=timers.target\n"
        ),
    }


def crontab(call: Call) -> str:
    """What cron is to be told, between marks."""
    first, last = crontab_marks(call.home)
    words = ["env", f"TSM_HOME={call.home}", *call.program]
    command = " ".join(_cron(word) for word in words)
    return (
        f"{first}\n"
        f"@reboot {command} resurrect >/dev/null\n"
        f"* * * * * {command} patrol >/dev/null\n"
        f"{last}\n"
    )


def crontab_marks(home: str) -> tuple[str, str]:
    """The lines before and after what belongs to one home."""
    return (f"# begin tsm {home}", f"# end tsm {home}")


def _unit(call: Call, command: str, sentence: str, *, after: str, kind: str) -> str:
    words = ("/usr/bin/env", *call.program, command)  # its path may be odd, that of env is not
    program = " ".join(_quoted(word).replace("$", "$$") for word in words)
    return (
        f"[Unit]\nDescription={sentence}\nDocumentation=man:tsm-{command}(1)\n{after}"
        f"\n[Service]\n{kind}"
        f"Environment={_quoted(f'TSM_HOME={call.home}')}\n"
        f"ExecStart={program}\n"
        "KillMode=process\nOOMPolicy=continue\nTasksMax=infinity\n"
    )


def _quoted(word: str) -> str:
    """A word as systemd.syntax(7) wants it; `%` begins a specifier."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if set(escaped) & set(" \t'\";") else escaped


def _cron(word: str) -> str:
    """A word of a crontab's command: `%` is cron's, and a cron may halve double backslashes."""
    quoted = "'" + word.replace("'", "'\"'\"'") + "'"
    escaped = quoted.replace("\\", "\\''").replace("%", "'\\%'")
    plain = word.replace("/", "").replace("-", "").replace("_", "").replace(".", "")
    return word if plain.replace("=", "").isalnum() and word.isascii() else escaped
