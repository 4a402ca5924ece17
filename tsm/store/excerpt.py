"""What one run wrote last: the lines between two offsets of a log file, within bounds."""

from __future__ import annotations

import os
import stat

from tsm.record import Record

LINES = 200
_LINE = 4096  # characters
_BYTES = 131072  # of one stream; a report has two


class Reach(Record):
    """How far a log file reached at one moment."""

    inode: int
    size_bytes: int


def reach(path: str) -> Reach | None:
    """How far the file reaches now; None if there is no regular file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return Reach(status.st_ino, status.st_size) if stat.S_ISREG(status.st_mode) else None


def last_lines(path: str, first: int, last: Reach | None) -> list[str]:
    """The last lines from the byte `first` to `last`, oldest first, undecodable bytes replaced.

    A file that is shorter than `first` was emptied since, so all of it counts. One that was
    replaced since, or cannot be read, has none. A line that is long is cut short.
    """
    if last is None:
        return []
    begin = first if first <= last.size_bytes else 0
    start = max(begin, last.size_bytes - _BYTES)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        if os.fstat(fd).st_ino != last.inode:
            return []
        data = os.pread(fd, last.size_bytes - start, start)
    except OSError:
        return []
    finally:
        os.close(fd)
    lines = data.decode("utf-8", "replace").split("\n")
    if not lines[-1]:
        lines.pop()
    if start > begin and len(lines) > 1:
        del lines[0]  # it began further left
    return [line if len(line) <= _LINE else f"{line[:_LINE]}..." for line in lines[-LINES:]]
