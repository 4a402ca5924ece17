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
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

_STOPPING_S = 1.0  # a thread that waits for a disk stops when it has it
_PAUSE_S = 0.0001
_STILL = "TtZX"  # states of a thread that writes nothing: stopped, traced, dead
_HELD_BACK = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)


class Stillness:
    """All writers of one file stopped, but for those that were stopped before.

    Within it the caller is neither interrupted nor stopped from a terminal.
    """

    def __init__(self, fd: int, child: int | None) -> None:
        """Be about to stop those who write the open file `fd`; `child` is known to."""
        self._fd = fd
        self._child = child
        self._since_s: float | None = None
        self._seen: set[int] = set()  # all pids that were looked at
        self._writers: list[int] = []
        self._all: list[Identity] = []  # also those that stood still before
        self.stopped: list[Identity] = []
        self.took_s = 0.0  # how long they were stopped

    def look(self) -> bool:
        """Find those who have come since the last look; False if nobody has. Raises Refused.

        One that writes without O_APPEND would leave a hole where the head was.
        """
        pids = [pid for pid in _pids() if pid not in self._seen]
        self._seen.update(pids)
        self._writers = []
        for pid in pids:
            flags = list(self._flags(pid))
            if not all(one & os.O_APPEND for one in flags):
                row = table.lookup(pid)
                name = f" ({row.comm})" if row is not None else ""
                message = f"pid {pid}{name} has it open without O_APPEND: it has to open it anew"
                raise Refused(message)
            if flags:
                self._writers.append(pid)
        return bool(self._writers)

    def take(self, note: Callable[[Sequence[Identity]], None]) -> bool:
        """Stop whoever was found; False if somebody goes on writing nevertheless. Raises Refused.

        `note` is told who is about to be stopped, before that is done: whoever finds the note
        of one that was killed can let them go on.
        """
        found = True
        while found:
            rows = [row for pid in self._writers if (row := table.lookup(pid)) is not None]
            boot = table.boot_id()
            self._all += [Identity(boot, row.pid, row.ticks) for row in rows]
            moving = [row for row in rows if row.state not in _STILL]
            if moving:
                self.stopped += [Identity(boot, row.pid, row.ticks) for row in moving]
                note(self.stopped)
                self._since_s = self._since_s or time.monotonic()
                for row in moving:
                    signals.send(row.pid, row.ticks, signal.SIGSTOP)
            if not self._await_still():
                return False
            found = self.look()  # born in the meantime
        return True

    def holds(self) -> bool:
        """Whether all of them still stand still."""
        return all(_still(one) for one in self._all)

    def __enter__(self) -> Self:
        """Hold signals back that would end this task, or stop it."""
        self._held_back = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        return self

    def __exit__(self, *_: object) -> None:
        """Let those go on that were stopped for this."""
        go_on(self.stopped)
        if self._since_s is not None:
            self.took_s = time.monotonic() - self._since_s
        signal.pthread_sigmask(signal.SIG_SETMASK, self._held_back)

    def _flags(self, pid: int) -> Iterator[int]:
        """Those of each descriptor by which that process can write to the file."""
        if pid == os.getpid():
            return
        try:
            yield from _flags(f"/proc/{pid}", self._fd)
        except PermissionError:  # it has capabilities that the caller has not, perhaps
            row = table.lookup(pid)
            if row is not None and self._child in (row.pid, row.session, row.ppid):
                yield os.O_WRONLY | os.O_APPEND
        except OSError:  # it has gone
            pass

    def _await_still(self) -> bool:
        deadline_s = time.monotonic() + _STOPPING_S
        while not self.holds():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_PAUSE_S)
        return True


def go_on(stopped: Sequence[Identity]) -> None:
    """Let processes go on; those that are no more, or another's now, are left alone.

    Children first, as they come later: a parent that sees one of its own stopped may stop as
    well, as sudo(8) does.
    """
    for one in reversed(stopped):
        try:
            if one.boot == table.boot_id():
                signals.send(one.pid, one.ticks, signal.SIGCONT)
        except Refused:
            continue


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]


def _flags(owner: str, ours: int) -> Iterator[int]:
    """The flags of its descriptors of the open file `ours` that are for writing. Raises OSError.

    No file is asked for its status but that one: the server of another may not answer.
    """
    number, status = _facts("/proc/self", ours).get(b"ino"), os.fstat(ours)
    folder = os.open(f"{owner}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fds = os.listdir(folder)
        if not fds:
            yield from _flags_of_threads(owner, ours)
        for fd in fds:
            try:
                target = os.readlink(fd, dir_fd=folder)
                if target[0] != "/" or target == os.devnull:
                    continue
                facts = _facts(owner, fd)
                flags = int(facts[b"flags"], 8)
                if facts.get(b"ino") != number or flags & os.O_ACCMODE == os.O_RDONLY:
                    continue
                if os.path.samestat(os.stat(fd, dir_fd=folder), status):
                    yield flags
            except FileNotFoundError:
                continue
    finally:
        os.close(folder)


def _flags_of_threads(owner: str, ours: int) -> Iterator[int]:
    """The same of a process whose first thread has ended, and has no descriptors any more."""
    threads = f"{owner}/task"
    if os.path.isdir(threads) and os.stat(threads).st_nlink > 3:  # ., .., and one
        for thread in os.listdir(threads):
            yield from _flags(f"{threads}/{thread}", ours)


def _facts(owner: str, fd: int | str) -> dict[bytes, bytes]:
    """What the kernel says of a descriptor; `ino`, of its file, since Linux 5.14."""
    with open(f"{owner}/fdinfo/{fd}", "rb", buffering=0) as file:
        lines = file.read(512).split(b"\n")
    return {key: value for key, _, value in (line.partition(b":") for line in lines)}


def _still(one: Identity) -> bool:
    """Whether none of its threads can write."""
    row = table.lookup(one.pid)
    if row is None or row.ticks != one.ticks or row.dead:
        return True
    return row.state in _STILL and all(each.state in _STILL for _, each in table.threads(one.pid))
