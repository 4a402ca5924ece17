"""What one run wrote last: the lines between two positions of a log, within bounds."""

from __future__ import annotations

import os
import stat

from tsm.errors import Broken
from tsm.record import Record
from tsm.store import logs
from tsm.store.follower import Follower

LINES = 200
_LINE = 4096  # characters
_BYTES = 131072  # of one stream; a report has two


class Reach(Record):
    """How far a log reached at one moment."""

    inode: int  # of its current file
    end: int  # the position in its stream


def reach(path: str) -> Reach | None:
    """How far the log reaches now; None if its current file is no regular one."""
    try:
        there = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(there.st_mode):
        return None
    end = logs.begin(path) + there.st_size
    if os.path.exists(f"{path}.cut"):  # the two may be from before and after a rotation
        follower = Follower(path)
        end = follower.end()
        follower.close()
    return Reach(there.st_ino, end)


def last_lines(path: str, first: int, last: Reach | None) -> list[str]:
    """The last lines from the position `first` to `last`, oldest first, odd bytes replaced.

    What has been rotated out of the file meanwhile is among them. A log that reaches less far
    than `first` was emptied since, so all of its current file counts. One that was replaced
    since, or cannot be read, has none. A line that is long is cut short.
    """
    if last is None:
        return []
    begin = first if first <= last.end else logs.begin(path)
    start = max(begin, last.end - _BYTES)
    try:
        if os.stat(path).st_ino != last.inode:
            return []
        follower = Follower(path)
        try:
            chunks = list(follower.back(min(last.end, follower.end()), start))[::-1]
        finally:
            follower.close()
    except (OSError, Broken):
        return []
    lines = b"".join(chunk for _, chunk in chunks).decode("utf-8", "replace").split("\n")
    if not lines[-1]:
        lines.pop()
    if len(lines) > 1 and begin < start == chunks[0][0]:
        del lines[0]  # it began further left
    return [line if len(line) <= _LINE else f"{line[:_LINE]}..." for line in lines[-LINES:]]
