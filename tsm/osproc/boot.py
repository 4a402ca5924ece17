"""The machine's own ways to run something at boot: systemd and cron."""

from __future__ import annotations

import os
import shutil
import subprocess

from tsm.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def kind() -> str:
    """`systemd` where it is the init (sd_booted(3)), else `cron`."""
    return "systemd" if os.path.isdir("/run/systemd/system") else "cron"


def unit_folder() -> str:
    """Where units of the caller go: those of the machine for root, else the user's own."""
    if os.geteuid() == 0:
        return "/etc/systemd/system"
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return f"{config}/systemd/user"


def install_units(files: Mapping[str, str]) -> None:
    """Write, enable and start units; for a user, see to it that they run without a login."""
    folder = unit_folder()
    os.makedirs(folder, exist_ok=True)
    for name, content in files.items():
        with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
            file.write(content)
    _call([*_systemctl(), "daemon-reload"])
    enabled = [name for name, content in files.items() if "[Install]" in content]
    _call([*_systemctl(), "enable", "--now", *enabled])
    if os.geteuid() != 0:
        _call(["loginctl", "enable-linger"])


def remove_units(names: Iterable[str], home: str) -> list[str]:
    """Disable and remove the units, if they are of that home; what was removed."""
    folder = unit_folder()
    paths = {name: f"{folder}/{name}" for name in names if os.path.exists(f"{folder}/{name}")}
    if not paths or not any(_mentions(path, home) for path in paths.values()):
        return []
    _call([*_systemctl(), "disable", *paths])
    for path in paths.values():
        os.unlink(path)
    _call([*_systemctl(), "daemon-reload"])
    return list(paths)


def install_crontab(lines: str, marks: tuple[str, str]) -> None:
    """Put `lines` in the caller's crontab, in place of what stood between their marks."""
    _write_crontab(_without(_crontab(), marks) + lines)


def remove_crontab(marks: tuple[str, str]) -> bool:
    """Remove what stands between the marks; False if nothing does."""
    if shutil.which("crontab") is None:
        return False
    before = _crontab()
    after = _without(before, marks)
    if after != before:
        _write_crontab(after)
    return after != before


def _crontab() -> str:
    program = _program("crontab", "install cron")
    listed = subprocess.run([program, "-l"], capture_output=True, text=True, check=False)
    return listed.stdout if listed.returncode == 0 else ""


def _write_crontab(text: str) -> None:
    _call([_program("crontab", "install cron"), "-"], text)


def _without(text: str, marks: tuple[str, str]) -> str:
    kept = []
    inside = False
    for line in text.splitlines(keepends=True):
        inside = inside or line.rstrip("\n") == marks[0]
        if not inside:
            kept.append(line)
        inside = inside and line.rstrip("\n") != marks[1]
    return "".join(kept)


def _mentions(path: str, home: str) -> bool:
    with open(path, encoding="utf-8") as file:
        return f"TSM_HOME={home}" in file.read()


def _systemctl() -> list[str]:
    program = _program("systemctl", "this machine has no systemd: tsm startup cron")
    return [program] if os.geteuid() == 0 else [program, "--user"]


def _program(name: str, hint: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"{name}: not found: {hint}"
        raise Refused(message)
    return found


def _call(argv: list[str], text: str | None = None) -> None:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        message = f"{' '.join(argv)}: {said or f'exit status {done.returncode}'}"
        raise Refused(message)
