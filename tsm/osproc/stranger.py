"""What the kernel says of a process that tsm did not start: enough to run it again."""

from __future__ import annotations

import os

from tsm.errors import Failed, NoSuchProcess, Refused
from tsm.model import Identity
from tsm.osproc.table import LAUNCHER, command_line, lookup, processes
from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KERNEL_THREAD = 0x00200000  # PF_KTHREAD, of the flags in proc_pid_stat(5)
_LAUNCHERS_END = "/".join(LAUNCHER.rsplit("/", 3)[1:])  # of any installation

_DELETED = " (deleted)"  # what proc_pid_cwd(5) adds


class Stranger(Record):
    """A living process, as it is now."""

    identity: Identity
    argv: tuple[str, ...]
    program: str  # the file that it executes
    cwd: str
    environ: Mapping[bytes, bytes]
    umask: str
    uid: int
    gid: int
    session: int
    ancestors: tuple[int, ...]  # pids: itself first, then its parent, ...


def stranger(pid: int, boot: str) -> Stranger:
    """What there is to know of it. Raises NoSuchProcess, Refused, Failed for who is not fit."""
    row = lookup(pid)
    if row is None:
        message = f"pid {pid}: there is no such process: ps -e lists them"
        raise NoSuchProcess(message)
    try:
        status = _status(pid)
        uid, gid = (int(status[key].split()[1]) for key in ("Uid", "Gid"))  # the effective ones
        _check(pid, status, uid)
        found = Stranger(
            identity=Identity(boot, pid, row.ticks),
            argv=_argv(pid),
            program=os.readlink(f"/proc/{pid}/exe"),
            cwd=os.readlink(f"/proc/{pid}/cwd").removesuffix(_DELETED),
            environ=_environ(pid),
            umask=f"{int(status['Umask'], 8):04o}",
            uid=uid,
            gid=gid,
            session=row.session,
            ancestors=tuple(ancestors(pid)),
        )
    except (FileNotFoundError, ProcessLookupError) as error:
        raise _ended(pid) from error
    except PermissionError as error:
        message = f"pid {pid}: may not be read: tsm needs the rights of root to attach it"
        raise Refused(message) from error
    after = lookup(pid)
    if after is None or after.dead or after.ticks != row.ticks:
        raise _ended(pid)
    return found


def ancestors(pid: int) -> list[int]:
    """The pids from `pid` up to the first process: itself, its parent, ..."""
    found = []
    while pid > 0 and (row := lookup(pid)) is not None:
        found.append(pid)
        pid = row.ppid
    return found


def launched_as(pids: Sequence[int]) -> str | None:
    """The name that a launcher among `pids` runs its child by, in whatever home; None if none.

    One whose process directory is no more runs it for nobody.
    """
    for pid in pids:
        words = command_line(pid)
        if _launches(words) and not _folder(pid).endswith(_DELETED):
            return words[2]
    return None


def lost(processes_folder: str) -> list[tuple[str, int]]:
    """The children of process directories that somebody has removed: names and pids."""
    folder, rows = os.path.realpath(processes_folder), processes()
    found = []
    for row in rows:
        words = command_line(row.pid)
        if _launches(words) and _folder(row.pid) == f"{folder}/{words[2]}{_DELETED}":
            own = [one for one in rows if one.ppid == row.pid and not one.dead]
            found += [(words[2], one.pid) for one in own if one.session == one.pid]
    return found


def _check(pid: int, status: Mapping[str, str], uid: int) -> None:
    """Raise Refused or Failed for a process that nobody can manage."""
    what = None
    if pid == 1:
        what = "is the first process of the system, which nobody manages"
    elif status["State"][0] in "ZX":
        what = "has ended, and only waits for its parent to take note (a zombie)"
    elif status["Tgid"] != str(pid):
        what = f"is a thread of pid {status['Tgid']}: attach that"
    elif _flags(pid) & _KERNEL_THREAD:
        what = "is a thread of the kernel"
    elif pid in ancestors(os.getpid()):
        what = "is this command, or the shell or the terminal that it was typed in"
    elif _is_tsm(command_line(pid)):
        what = "is a part of tsm itself"
    if what is not None:
        message = f"pid {pid}: {what}"
        raise Failed(message)
    if os.geteuid() not in (0, uid):
        message = f"pid {pid}: belongs to uid {uid}, not to you: only root may attach it"
        raise Refused(message)


def _is_tsm(words: Sequence[str]) -> bool:
    """Whether it is a launcher, or a command of tsm."""
    program = [word.rpartition("/")[2] for word in words[:2]]
    return _launches(words) or "tsm" in program or "-m tsm" in " ".join(words[1:5])


def _launches(words: Sequence[str]) -> bool:
    """Whether an argv is that of a launcher, of any installation."""
    return len(words) > 2 and words[1].endswith(_LAUNCHERS_END)


def _folder(pid: int) -> str:
    """Where it works; empty if that cannot be told."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def _status(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        pairs = (line.partition(":") for line in file)
        return {key: value.strip() for key, _, value in pairs}


def _flags(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[6])


def _argv(pid: int) -> tuple[str, ...]:
    words = command_line(pid)
    while words and not words[-1]:
        words.pop()  # what a program that has renamed itself leaves
    if not words:
        message = f"pid {pid}: has no command line that it could be started again with"
        raise Failed(message)
    return tuple(words)


def _environ(pid: int) -> dict[bytes, bytes]:
    with open(f"/proc/{pid}/environ", "rb") as file:
        pairs = (entry.partition(b"=") for entry in file.read().split(b"\0"))
        return {key: value for key, sign, value in pairs if sign and key}


def _ended(pid: int) -> Failed:
    return Failed(f"pid {pid}: has just ended")
