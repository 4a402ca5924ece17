"""Who may be younger than some process, told by its number, without a look at each of them.

The kernel gives pids in ascending order and begins anew at the end. So whoever is younger has
one between that of the older and the last that was given, as long as fewer tasks have been
made in the meantime than there are numbers; half of them are kept in reserve.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ROUNDS = 100  # so many, where somebody is born all the time
_FRESH_S = 1.0  # to read it is dear where there are many processors


class Tasks:
    """How many tasks the kernel has made since it began, processes and threads."""

    def __init__(self) -> None:
        self._read_s = -_FRESH_S
        self._count = 0

    def made(self) -> int:
        """All of them, but perhaps for those of the last second."""
        now_s = _now_s()
        if now_s - self._read_s >= _FRESH_S:
            self._count, self._read_s = _tasks_made(), now_s
        return self._count


tasks_made = Tasks().made


def narrowed(pids: Iterable[int], firsts: Sequence[int], made: int) -> Iterable[int]:
    """Those of `pids` that may be as young as one of `firsts`; before these `made` tasks came.

    All of them where numbers tell nothing: so many tasks have been made, or /proc shows
    another PID namespace than the caller's.
    """
    most = _pid_max()
    if os.readlink("/proc/self") != str(os.getpid()) or 2 * (tasks_made() - made) >= most:
        return pids
    last = last_pid()
    span = max((last - pid) % most for pid in firsts)
    return (pid for pid in pids if (last - pid) % most <= span)


def born_since(last: int) -> Iterator[int]:
    """The numbers that were given after `last`, until none has been given since the one before.

    They are those of processes and of threads, and most of them have gone when a machine is busy.
    """
    most = _pid_max()
    for _ in range(_ROUNDS):
        newest = last_pid()
        for step in range((newest - last) % most):
            yield (last + 1 + step) % most
        if newest == last:
            return
        last = newest


def _tasks_made() -> int:
    stat = _content("/proc/stat")
    return int(stat[stat.index(b"\nprocesses ") :].split(None, 2)[1])


def _pid_max() -> int:
    return int(_content("/proc/sys/kernel/pid_max"))


def last_pid() -> int:
    """The pid that was given last."""
    return int(_content("/proc/loadavg").split()[4])


def _content(path: str) -> bytes:
    """A small file of the kernel's, in one piece."""
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
