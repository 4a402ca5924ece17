"""The locks of the home: flock(2), one file a process, waited for with a deadline.

filelock speaks the same protocol; its import takes longer than all the rest of a command.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress

from tsm.errors import Busy
from tsm.store.atomic import is_named, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsm.store.home import Home

HOME = ".home"  # of last_id; no process can be called that
SAVED = ".saved"  # of the saved files
ATTACH = ".attach"  # of adopting: one at a time, so that nobody is adopted twice


class Lock:
    """A held lock; `fd` is its descriptor."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd = fd
        self.path = path

    def release(self) -> None:
        """Let go."""
        os.close(self.fd)

    def retire(self) -> None:
        """Remove the lock file, for a process that is no more. Whoever waits starts over."""
        os.unlink(self.path)


@contextmanager
def held(home: Home, name: str, timeout_s: float) -> Iterator[Lock]:
    """Hold the lock of one process. Raises Busy when it is not had in time."""
    lock = take(home, name, timeout_s)
    try:
        yield lock
    finally:
        lock.release()


def take(home: Home, name: str, timeout_s: float) -> Lock:
    """Take the lock of one process, waiting up to `timeout_s`. Raises Busy."""
    path = home.lock_file(name)
    deadline_s = time.monotonic() + timeout_s
    pause_s = 0.001
    while True:
        fd, made = _opened(path)
        late = time.monotonic() >= deadline_s
        pid = None
        if taken(fd):
            if not is_named(fd, path):
                os.close(fd)  # it was retired while we waited
                continue
            pid = _holder_of_removed(home, name) if made else None
            if pid is None:
                return Lock(fd, path)
            remove(path)  # whoever makes it next is to look for that holder as well
        elif late:
            pid = _holder(fd)
        os.close(fd)
        if late:
            who = "another command" if pid is None else f"pid {pid}"
            message = (
                f"{name}: busy: after {round(timeout_s, 1):g} s {who} still has its lock: try again"
            )
            raise Busy(message)
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.02)


def _opened(path: str) -> tuple[int, bool]:
    """The lock file, and whether it was missing; then it is made, and so is its folder."""
    flags = os.O_RDWR | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        return os.open(path, flags), False
    with suppress(FileExistsError):
        os.mkdir(os.path.dirname(path), 0o700)
    return os.open(path, flags | os.O_CREAT, 0o600), True


def taken(fd: int) -> bool:
    """Take the lock of an open file or directory; False if another has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(home: Home, name: str) -> int | None:
    """The pid of who has the lock of one process; None if nobody has, or nobody can tell."""
    try:
        fd = os.open(home.lock_file(name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return _holder(fd)
    finally:
        os.close(fd)


def is_held(path: str) -> bool:
    """Whether somebody has a lock on that file or directory, as far as one can tell."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _holder(fd) is not None
    finally:
        os.close(fd)


def _holder(fd: int) -> int | None:
    """Who has the lock."""
    inode = os.fstat(fd).st_ino
    return next((pid for pid, locked in _flocks() if locked == str(inode)), None)


def _holder_of_removed(home: Home, name: str) -> int | None:
    """Who has the lock of a process that is there, in a file that somebody has removed since."""
    if not os.path.isdir(home.process(name)):
        return None
    gone = f"{os.path.realpath(home.lock_file(name))} (deleted)"
    for pid in {pid for pid, _ in _flocks()}:
        with suppress(OSError):  # he has gone, or is another user's
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with suppress(FileNotFoundError):
                    if os.readlink(f"/proc/{pid}/fd/{fd}") == gone:
                        return pid
    return None


def _flocks() -> list[tuple[int, str]]:
    """Who has which locks of this kind, pids and inodes, from proc_locks(5)."""
    try:
        with open("/proc/locks", encoding="ascii") as file:
            rows = [line.split() for line in file]
    except OSError:
        return []
    return [(int(row[4]), row[5].rpartition(":")[2]) for row in rows if row[1] == "FLOCK"]
