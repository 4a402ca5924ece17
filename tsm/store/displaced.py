"""A log file that was deleted or moved away from under its child, which goes on writing to it.

A new file has the name then. What the child writes is copied into it, as long as the child has
the old one open; `current.out.away` tells which that is, and where in the stream it begins.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress

from tsm.record import Record
from tsm.store import log_index, logs
from tsm.store.atomic import read_whole, remove, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

_BLOCK_BYTES = 1 << 20
_ADDED = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO is not waited for


class Away(Record):
    """The file that the child writes to."""

    inode: int
    begin: int  # of its first byte, where what is copied of it follows what was there


def note_file(home: Home, name: str, stream: str) -> str:
    """Where that is noted."""
    return logs.away_file(logs.current(home, name, stream))


def noted(home: Home, name: str, stream: str) -> Away | None:
    """What is noted; None if nothing is, or makes no sense."""
    try:
        match json.loads(read_whole(note_file(home, name, stream))):
            case {"inode": int(inode), "begin": int(begin)}:
                return Away(inode, begin)
    except (OSError, ValueError):
        pass
    return None


def forget(home: Home, name: str, stream: str) -> None:
    """The child writes to the file of that name again."""
    remove(note_file(home, name, stream))


def begin(home: Home, name: str, stream: str, fd: int, now_s: float) -> Away:
    """Put a new file in place, which begins with what was not seen of the old one, `fd`.

    As far as that can be had, it is for the same people to read. If somebody has put one there,
    that is added to it.
    """
    where, there = log_index.path(home, name, stream), logs.size(home, name, stream)
    first, old = log_index.begin(home, name, stream), os.fstat(fd)
    noted = (one.position for one in log_index.marks(where))
    seen = max((one for one in noted if one <= first + old.st_size), default=first)
    known = log_index.known(where)
    afresh = not there or first + there < known  # else its bytes were noted already
    away = Away(old.st_ino, (known if afresh else first) + there - (seen - first))
    values = {"inode": away.inode, "begin": away.begin}
    data = json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"
    replace(note_file(home, name, stream), data)
    _make(logs.current(home, name, stream), old)
    if afresh:
        log_index.restart(where, now_s)  # last: it is of the new one
    return away


def _make(path: str, like: os.stat_result) -> None:
    there = os.path.exists(path)
    new = os.open(path, _ADDED | os.O_CREAT, 0o600)
    try:
        if not there:
            with suppress(OSError):
                os.fchmod(new, stat.S_IMODE(like.st_mode))
                os.fchown(new, like.st_uid, like.st_gid)
    finally:
        os.close(new)


def copied(home: Home, name: str, stream: str, away: Away, fd: int) -> int:
    """Add what has come to the old file until now to the new one; how many bytes that were."""
    path = logs.current(home, name, stream)
    offset = max(0, log_index.end(home, name, stream) - away.begin)
    count, most = 0, os.fstat(fd).st_size - offset
    target = os.open(path, _ADDED)
    try:
        while data := os.pread(fd, max(0, min(_BLOCK_BYTES, most - count)), offset + count):
            count += os.write(target, data)
    finally:
        os.close(target)
    return count
