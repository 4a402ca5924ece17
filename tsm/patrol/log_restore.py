"""A current log file again, where somebody took it away from under the child that writes it."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress

from tsm.errors import Broken
from tsm.osproc import table
from tsm.store import displaced, journal, log_index, log_paths, logs, rotated, runs
from tsm.store.atomic import is_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import Identity
    from tsm.store.home import Home

_LOCK_S = 2.0
_FDS = {"out": 1, "err": 2}  # of a child


def restored(home: Home, name: str, stream: str, child: int | None) -> int | None:
    """See to it that there is a current file where the child has lost it; None if it has not.

    How many bytes were copied into it. `child` is the pid of one that lives. The caller holds
    the lock of rotations. Raises OSError.
    """
    fd = _childs(home, name, stream, child) if child is not None else None
    if fd is None:
        return None
    try:
        if _is_displaced(home, name, stream, fd):
            return _restored(home, name, stream, fd)
        if is_named(fd, logs.current(home, name, stream)):
            displaced.forget(home, name, stream)
        return None
    finally:
        os.close(fd)


class LastWords:
    """The files that a child writes to and that have lost their names, open until it has ended.

    Nobody could read what it writes after the last look otherwise.
    """

    def __init__(self, home: Home, name: str, child: Identity) -> None:
        """Of a child that may have ended; then there are none."""
        self.home, self.name, self._child = home, name, child
        self._fds: dict[str, int] = {}
        with suppress(OSError, Broken):
            for stream in () if self.over else logs.streams(home, name):
                if not _is_in_place(home, name, stream, child.pid):
                    self._open(stream)

    @property
    def over(self) -> bool:
        """Whether the child has ended."""
        return not table.alive(self._child, self._child.boot)

    @property
    def any(self) -> bool:
        """Whether there are such files."""
        return bool(self._fds)

    def save(self) -> None:
        """Add what they hold to the current files, unless the next run has begun."""
        with suppress(OSError, Broken):
            run = runs.read(self.home, self.name) if self._fds else None
            if run is not None and run.child == self._child:
                with rotated.lock(self.home, self.name, _LOCK_S) as had:
                    for stream, fd in self._fds.items() if had else ():
                        _restored(self.home, self.name, stream, fd)
        self.close()

    def close(self) -> None:
        """Let go of them."""
        while self._fds:
            os.close(self._fds.popitem()[1])

    def _open(self, stream: str) -> None:
        fd = _childs(self.home, self.name, stream, self._child.pid)
        if fd is not None and _is_displaced(self.home, self.name, stream, fd):
            self._fds[stream] = fd
        elif fd is not None:
            os.close(fd)


def _is_in_place(home: Home, name: str, stream: str, child: int) -> bool:
    """Whether what the child writes to is the current file, as it nearly always is."""
    with suppress(OSError):
        has = os.stat(f"/proc/{child}/fd/{_FDS[stream]}")
        return os.path.samestat(has, os.stat(logs.current(home, name, stream)))
    return False


def _is_displaced(home: Home, name: str, stream: str, fd: int) -> bool:
    """Whether an open file of a child's is its log, and has lost its name."""
    path = logs.current(home, name, stream)
    if is_named(fd, path):
        return False
    deleted = os.readlink(f"/proc/self/fd/{fd}") == f"{path} (deleted)"
    # Else the child writes elsewhere of its own will.
    return deleted or os.fstat(fd).st_ino == _inode(home, name, stream)


def _restored(home: Home, name: str, stream: str, fd: int) -> int:
    """Copy into a current file what has come to a displaced one; how many bytes that were."""
    path, away = logs.current(home, name, stream), displaced.noted(home, name, stream)
    known = away is not None and away.inode == os.fstat(fd).st_ino
    if away is None or not known or not os.path.exists(path):
        away = displaced.begin(home, name, stream, fd, time.time())
        journal.record_if_possible(home, name, "log-displaced", {"stream": stream})
    count = displaced.copied(home, name, stream, away, fd)
    log_index.noted(home, name, stream, time.time())
    return count


def _inode(home: Home, name: str, stream: str) -> int:
    """That of the file which the run was given for its stream; 0 if that is not known."""
    run = runs.read(home, name)
    return 0 if run is None else run.files[logs.STREAMS.index(stream)]


def _childs(home: Home, name: str, stream: str, child: int) -> int | None:
    """The file that the child has for its stream, open for reading; None if it is no file.

    Where two streams are merged into it, the one that the run was given if one of them is.
    """
    found, inode = None, _inode(home, name, stream)
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
