"""Who may be younger than some process, told by its number, without a look at each of them.

The kernel gives pids in ascending order and begins anew at the end. So whoever is younger has
one between that of the older and the last that was given, as long as fewer tasks have been
made in the meantime than there are numbers; half of them are kept in reserve.
"""

from __future__ import annotations

import os
import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FRESH_S = 1.0  # to read it is dear where there are many processors
_APART_S = 60.0  # between two counts that are kept


class Forks:
    """How many tasks were made since some moment; whoever asks often knows of more moments."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, int]] = deque(maxlen=1000)  # seconds since boot, count
        self._read_s = -_FRESH_S
        self._count = 0

    def since(self, time_s: float) -> int:
        """How many at the most, but for those of the last second; `time_s` is since boot."""
        if _now_s() - self._read_s >= _FRESH_S:
            self._count, self._read_s = _tasks_made(), _now_s()
            if not self._kept or self._read_s - self._kept[-1][0] >= _APART_S:
                self._kept.append((self._read_s, self._count))
        before = (count for at_s, count in reversed(self._kept) if at_s <= time_s)
        return self._count - next(before, 0)


_forks = Forks()


def narrowed(pids: Iterable[int], firsts: Sequence[int], time_s: float) -> Iterable[int]:
    """Those of `pids` that may be as young as one of `firsts`; these came at `time_s` or later.

    All of them where numbers tell nothing: so many tasks have been made, or /proc shows
    another PID namespace than the caller's.
    """
    most = _pid_max()
    if os.readlink("/proc/self") != str(os.getpid()) or 2 * _forks.since(time_s) >= most:
        return pids
    last = _last_pid()
    span = max((last - pid) % most for pid in firsts)
    return (pid for pid in pids if (last - pid) % most <= span)


def _tasks_made() -> int:
    with open("/proc/stat", "rb") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(b"processes "))


def _pid_max() -> int:
    with open("/proc/sys/kernel/pid_max", "rb") as file:
        return int(file.read())


def _last_pid() -> int:
    with open("/proc/loadavg", "rb") as file:
        return int(file.read().split()[4])


def _now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
