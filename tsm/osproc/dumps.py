"""Core dumps: whether the kernel was allowed to make one (core(5))."""

from __future__ import annotations

from tsm.osproc.table import alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import Run

_DUMPING = frozenset((3, 4, 5, 6, 7, 8, 11, 24, 25, 31))  # those of signal(7) with action Core
_LIMIT = "Max core file size"


def core_allowed(run: Run, number: int, limit: str | None) -> bool | None:
    """Whether a run that the signal `number` has ended might leave a core; None if unknown.

    Nobody tells whether it did: of the wait status, the launcher sees the signal alone.
    `limit` is the rlimit of the definition; without one the launcher's holds, which only a
    living launcher tells.
    """
    if number not in _DUMPING:
        return False
    if _text("/proc/sys/kernel/core_pattern").startswith("|"):
        return True  # a program takes it, and no limit holds
    soft = limit.partition(":")[0] if limit else _soft_limit(run)
    return None if soft is None else soft != "0"


def _soft_limit(run: Run) -> str | None:
    launcher = run.launcher
    if launcher is None or not alive(launcher, run.boot):
        return None
    for line in _text(f"/proc/{launcher.pid}/limits").splitlines():
        if line.startswith(_LIMIT):
            return line.removeprefix(_LIMIT).split()[0]
    return None


def _text(path: str) -> str:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(4096).decode("ascii", "replace")
    except OSError:
        return ""
