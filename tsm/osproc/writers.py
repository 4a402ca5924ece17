"""Who has a file open for writing, and holding all of them still for a moment."""

from __future__ import annotations

import os
import signal
import time

from tsm.errors import Refused
from tsm.model import Identity
from tsm.osproc import signals, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_STOPPING_S = 1.0  # a thread that waits for a disk stops when it has it
_PAUSE_S = 0.0001
_STILL = "TtZX"  # states of a thread that writes nothing: stopped, traced, dead


def writers(device: int, inode: int, pids: Iterable[int]) -> list[int]:
    """Those of `pids` that have the file open for writing, but for the caller."""
    me = os.getpid()
    return [pid for pid in pids if pid != me and _writes(pid, device, inode)]


class Stillness:
    """All writers of one file stopped, but for those that were stopped before.

    `note` is told who is about to be stopped, before that is done: whoever finds the note of
    one that was killed can let them go on.
    """

    def __init__(self, device: int, inode: int, note: Callable[[Sequence[Identity]], None]) -> None:
        self._file = (device, inode)
        self._note = note
        self._since_s: float | None = None
        self.stopped: list[Identity] = []
        self.took_s = 0.0  # how long they were stopped
        self._all: list[Identity] = []  # also those that stood still before

    def take(self) -> bool:
        """Stop them; False if somebody goes on writing nevertheless. Raises Refused."""
        pids = _pids()
        seen = set(pids)
        while found := self._writing(pids):
            moving = [one for one, state in found if state not in _STILL]
            if moving:
                self.stopped += moving
                self._note(self.stopped)
                self._since_s = self._since_s or time.monotonic()
                for one in moving:
                    signals.send(one.pid, one.ticks, signal.SIGSTOP)
            self._all += [one for one, _ in found]
            if not self._await_still():
                return False
            pids = [pid for pid in _pids() if pid not in seen]  # born in the meantime
            seen.update(pids)
        return True

    def holds(self) -> bool:
        """Whether all of them still stand still."""
        return all(_still(one) for one in self._all)

    def end(self) -> None:
        """Let those go on that were stopped for this."""
        go_on(self.stopped)
        if self._since_s is not None:
            self.took_s = time.monotonic() - self._since_s

    def _writing(self, pids: Iterable[int]) -> list[tuple[Identity, str]]:
        """Those of `pids` who write the file, each with its state."""
        rows = [table.lookup(pid) for pid in writers(*self._file, pids)]
        return [(Identity("", row.pid, row.ticks), row.state) for row in rows if row is not None]

    def _await_still(self) -> bool:
        deadline_s = time.monotonic() + _STOPPING_S
        while not self.holds():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_PAUSE_S)
        return True


def go_on(stopped: Iterable[Identity]) -> None:
    """Let processes go on; those that are no more, or another's now, are left alone."""
    for one in stopped:
        try:
            signals.send(one.pid, one.ticks, signal.SIGCONT)
        except Refused:
            continue


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]


def _writes(pid: int, device: int, inode: int) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        fds = os.listdir(folder)
    except OSError:  # it has gone, or is another user's
        return False
    for fd in fds:
        try:
            there = os.stat(f"{folder}/{fd}")
            if (there.st_ino, there.st_dev) == (inode, device) and _for_writing(pid, fd):
                return True
        except OSError:
            continue
    return False


def _for_writing(pid: int, fd: str) -> bool:
    with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
        flags = next(line.split()[1] for line in file if line.startswith("flags:"))
    return int(flags, 8) & os.O_ACCMODE != os.O_RDONLY


def _still(one: Identity) -> bool:
    """Whether none of its threads can write."""
    row = table.lookup(one.pid)
    if row is None or row.ticks != one.ticks or row.dead:
        return True
    return row.state in _STILL and all(state in _STILL for state in _thread_states(one.pid))


def _thread_states(pid: int) -> Iterator[str]:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/stat", "rb") as file:
                yield file.read().rpartition(b")")[2].split(None, 1)[0].decode("ascii")
        except OSError:
            continue
