"""The locks of the home: flock(2), one file a process, waited for with a deadline.

The launcher inherits the lock of its process and lets go of it once it stands in the run
record. So a command that is killed in the middle of a start keeps the next one out until
there is something to be seen. (filelock speaks the same protocol, but hides the descriptor.)
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress

from tsm.errors import Busy
from tsm.store.atomic import is_named

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
        """Let go. A launcher that has inherited the lock keeps it until it is recorded."""
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
        fd = _opened(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            late = time.monotonic() >= deadline_s
            pid = _holder(fd) if late else None
            os.close(fd)
            if late:
                who = "another command" if pid is None else f"pid {pid}"
                message = f"{name}: busy: after {timeout_s:g} s {who} still has its lock: try again"
                raise Busy(message) from None
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.02)
            continue
        if is_named(fd, path):
            return Lock(fd, path)
        os.close(fd)  # it was retired while we waited


def _opened(path: str) -> int:
    """The lock file, made if it is missing, and so is its folder."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(os.path.dirname(path), 0o700)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


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


def _holder(fd: int) -> int | None:
    """Who has the lock, from proc_locks(5)."""
    inode = os.fstat(fd).st_ino
    try:
        with open("/proc/locks", encoding="ascii") as file:
            rows = [line.split() for line in file]
    except OSError:
        rows = []
    for row in rows:
        if row[1] == "FLOCK" and row[5].endswith(f":{inode}"):
            return int(row[4])
    return None
