"""The machine's own ways to run something at boot: systemd and cron."""

from __future__ import annotations

import os
import shutil
import subprocess

from tsm.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


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
    """Write, enable and start units; for a user, see to it that they run without a login.

    When systemd refuses, the files are removed again.
    """
    folder = unit_folder()
    systemctl = _systemctl()
    os.makedirs(folder, exist_ok=True)
    for name, content in files.items():
        with open(f"{folder}/{name}", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)
    enabled = [name for name, content in files.items() if "[Install]" in content]
    try:
        _call([*systemctl, "daemon-reload"])
        _call([*systemctl, "enable", "--now", *enabled])
        if os.geteuid() != 0:
            _call(["loginctl", "enable-linger"])
    except Refused:
        for name in files:
            os.unlink(f"{folder}/{name}")
        raise


def remove_units(files: Mapping[str, str]) -> list[str]:
    """Stop and remove the units that are there; what was removed.

    Those of another home are left: a line with TSM_HOME= must be the same.
    """
    folder = unit_folder()
    there = [name for name in files if os.path.exists(f"{folder}/{name}")]
    if not any(_same_home(f"{folder}/{name}", files[name]) for name in there):
        return []
    _call([*_systemctl(), "disable", "--now", *there])
    for name in there:
        os.unlink(f"{folder}/{name}")
    _call([*_systemctl(), "daemon-reload"])
    return there


def _same_home(path: str, content: str) -> bool:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read().splitlines()
    return any(line in lines for line in content.splitlines() if "TSM_HOME=" in line)


def install_crontab(lines: str, marks: tuple[str, str]) -> None:
    """Put `lines` in the caller's crontab, in place of what stood between their marks."""
    text = _without(_crontab(), marks) + os.fsencode(lines)
    _call([_program("crontab", "install cron"), "-"], text)


def remove_crontab(marks: tuple[str, str]) -> bool:
    """Remove what stands between the marks; False if nothing does."""
    if shutil.which("crontab") is None:
        return False
    before = _crontab()
    after = _without(before, marks)
    if after != before:
        _call([_program("crontab", "install cron"), "-"], after)
    return after != before


def _crontab() -> bytes:
    """The caller's crontab, its last line ended. Raises Refused if it cannot be read."""
    program = _program("crontab", "install cron")
    listed = subprocess.run([program, "-l"], capture_output=True, check=False)
    if listed.returncode and b"no crontab" not in listed.stderr:
        message = f"crontab -l: {_said(listed.stderr) or 'failed'}"
        raise Refused(message)
    text = listed.stdout if not listed.returncode else b""
    return text if text.endswith(b"\n") or not text else text + b"\n"


def _without(text: bytes, marks: tuple[str, str]) -> bytes:
    """The text without what stands between the marks. Raises Refused where they do not match."""
    first, last = map(os.fsencode, marks)
    kept: list[bytes] = []
    inside: list[bytes] | None = None
    for line in text.split(b"\n"):
        if line == (first if inside is None else last):
            inside = [] if inside is None else None
        elif line in (first, last):
            message = f"crontab: the lines {marks[0]!r} and {marks[1]!r} do not match: crontab -e"
            raise Refused(message)
        elif inside is None:
            kept.append(line)
    if inside is not None:
        message = f"crontab: {marks[0]!r} has no {marks[1]!r} after it: mend it with crontab -e"
        raise Refused(message)
    return b"\n".join(kept)


def _systemctl() -> list[str]:
    program = _program("systemctl", "this machine has no systemd: tsm startup cron")
    return [program] if os.geteuid() == 0 else [program, "--user"]


def _program(name: str, hint: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"{name}: not found: {hint}"
        raise Refused(message)
    return found


def _call(argv: list[str], text: bytes = b"") -> None:
    done = subprocess.run(argv, input=text, capture_output=True, check=False)
    if done.returncode:
        said = _said(done.stderr or done.stdout)
        message = f"{' '.join(argv)}: {said or f'exit status {done.returncode}'}"
        raise Refused(message)


def _said(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())
