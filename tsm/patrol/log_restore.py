"""A current log file again, where somebody took it away from under the child that writes it."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress

from tsm.store import displaced, journal, log_index, log_paths, logs, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

_FDS = {"out": 1, "err": 2}  # of a child


def restored(home: Home, name: str, stream: str, child: int | None) -> int | None:
    """See to it that there is a current file where the child has lost it; None if it has not.

    How many bytes were copied into it. `child` is the pid of one that lives. The caller holds
    the lock of rotations. Raises OSError.
    """
    path, inode = logs.current(home, name, stream), _inode(home, name, stream)
    fd = _childs(home, name, stream, child, inode) if child is not None else None
    if fd is None:
        return None
    try:
        if not displaced.is_displaced(path, fd):
            displaced.forget(home, name, stream)
            return None
        deleted = os.readlink(f"/proc/self/fd/{fd}") == f"{path} (deleted)"
        if not deleted and os.fstat(fd).st_ino != _inode(home, name, stream):
            return None  # it writes elsewhere of its own will
        away = displaced.noted(home, name, stream)
        known = away is not None and away.inode == os.fstat(fd).st_ino
        if away is None or not known or not os.path.exists(path):
            away = displaced.begin(home, name, stream, fd, time.time())
            with suppress(OSError):
                journal.record(home, name, "log-displaced", {"stream": stream})
        count = displaced.copied(home, name, stream, away, fd)
        log_index.noted(home, name, stream, time.time())
        return count
    finally:
        os.close(fd)


def _inode(home: Home, name: str, stream: str) -> int:
    """That of the file which the run was given for its stream; 0 if that is not known."""
    run = runs.read(home, name)
    return 0 if run is None else run.files[logs.STREAMS.index(stream)]


def _childs(home: Home, name: str, stream: str, child: int, inode: int) -> int | None:
    """The file that the child has for its stream, open for reading; None if it is no file.

    Where two streams are merged into it, that of `inode` if one of them is.
    """
    found = None
    for one in logs.STREAMS:
        if log_paths.carrier(home, name, one) != stream:
            continue
        fd = _opened(f"/proc/{child}/fd/{_FDS[one]}")
        if found is None or (fd is not None and os.fstat(fd).st_ino == inode):
            found, fd = fd, found
        if fd is not None:
            os.close(fd)
    return found


def _opened(path: str) -> int | None:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # it has closed it, or is another user's
        return None
