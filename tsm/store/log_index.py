"""When which byte of a log arrived: `current.out.idx`, beside the log that stays raw.

Lines of 32 bytes, so that they can be searched: a position, counted from the first byte that
the stream ever had, and the time at which the log had grown to there. Between them is a space
where the growth was seen as it came, and `~` where somebody looked only later: the last byte
before that position arrived then, others perhaps long before. The first line tells where the
file begins and when it was begun; it is replaced, with those that are over, when the head of
the log is rotated.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import takewhile

from tsm.record import Record
from tsm.store import logs
from tsm.store.atomic import append, read_whole, regular, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

LINE_BYTES = 32
_LINE = re.compile(rb"\d{16}[ ~]\d{10}\.\d{3}\n")


class Mark(Record):
    """One line of an index."""

    position: int
    time_s: float
    told: bool = True  # the growth was seen as it came

    @property
    def line(self) -> bytes:
        """As it is written."""
        return b"%016d%b%014.3f\n" % (self.position, b" " if self.told else b"~", self.time_s)


def path(home: Home, name: str, stream: str) -> str:
    """The index of the current file."""
    return f"{logs.current(home, name, stream)}.idx"


def marks(path: str) -> list[Mark]:
    """The lines of an index, the first one first; none if there is no index.

    What is no line, and all after it, is left out: an index is worth no error.
    """
    try:
        data = read_whole(path)
    except OSError:
        return []
    return _marks(data)


def _marks(data: bytes) -> list[Mark]:
    lines = (data[at : at + LINE_BYTES] for at in range(0, len(data), LINE_BYTES))
    found = takewhile(lambda one: one is not None, map(mark, lines))
    return [one for one in found if one is not None]


def lost(home: Home, name: str, stream: str) -> int:
    """How many bytes fewer the current file has than it had: somebody else has emptied it."""
    first, last = _ends(path(home, name, stream))  # before the size: it may be growing
    if first is None or last is None:
        return 0
    return max(0, last.position - first.position - logs.size(home, name, stream))


def restart(where: str, now_s: float) -> None:
    """Begin anew, at the position that was noted last."""
    replace(where, Mark(known(where), now_s).line)


def known(where: str) -> int:
    """The furthest position in that index."""
    first, last = _ends(where)
    return 0 if first is None or last is None else max(first.position, last.position)


def noted(
    home: Home, name: str, stream: str, now_s: float, *, told: bool = False
) -> tuple[int, float]:
    """Note how far the current file has grown, and by when; its size, and when it was begun.

    `told` says that this is asked as soon as it has grown.
    """
    where = path(home, name, stream)
    first, last = _ends(where)
    size, written_s = _written(home, name, stream, now_s)
    while _ends(where)[0] != first:  # its head was rotated just then
        first, last = _ends(where)
        size, written_s = _written(home, name, stream, now_s)
    if first is None and size == 0:
        return size, now_s
    if first is None or last is None:
        write = replace if os.path.exists(where) else append  # another may make it just now
        write(where, Mark(0, written_s).line + Mark(size, written_s, told=told).line)
        return size, written_s
    if first.position + size > last.position:
        time_s = max(written_s, last.time_s)  # clocks are set back
        append(where, Mark(first.position + size, time_s, told=told).line)
    return size, first.time_s


def _written(home: Home, name: str, stream: str, now_s: float) -> tuple[int, float]:
    """The size of the current file, 0 if there is none, and when it was last written to."""
    size = logs.size(home, name, stream)
    with suppress(FileNotFoundError):
        return size, min(os.stat(logs.current(home, name, stream)).st_mtime, now_s)
    return size, now_s


def _ends(path: str) -> tuple[Mark | None, Mark | None]:
    """The first and the last line; a torn one at the end is passed over."""
    try:
        fd = regular(path, os.O_RDONLY)
    except OSError:
        return None, None
    try:
        count = os.fstat(fd).st_size // LINE_BYTES
        first = mark(os.pread(fd, LINE_BYTES, 0))
        return first, mark(os.pread(fd, LINE_BYTES, max(0, count - 1) * LINE_BYTES)) or first
    finally:
        os.close(fd)


def mark(line: bytes) -> Mark | None:
    """That line of an index; None if it is none."""
    if not _LINE.fullmatch(line):
        return None
    return Mark(int(line[:16]), float(line[17:]), told=line[16:17] == b" ")


def is_sound(path: str) -> bool:
    """Whether each line of an index is one; a torn one at its end is no fault."""
    data = read_whole(path)
    return len(_marks(data)) == len(data) // LINE_BYTES


def begin(home: Home, name: str, stream: str) -> int:
    """Where the current file begins."""
    return logs.begin(logs.current(home, name, stream))


def end(home: Home, name: str, stream: str) -> int:
    """Where the current file ends now."""
    return begin(home, name, stream) + logs.size(home, name, stream)


def offset(home: Home, name: str, stream: str, position: int) -> int:
    """Where in the current file a position is; 0 for what has been rotated out of it."""
    return max(0, position - begin(home, name, stream))


def copy(where: str, log: str) -> None:
    """Put a copy of that index beside the file `log`."""
    replace(f"{log}.idx", b"".join(one.line for one in marks(where)))


def cut(where: str, begin: int, rotated: str, now_s: float) -> None:
    """Let that index begin at that position, and put what is over beside the file `rotated`.

    Done again after a kill, it does the rest; nothing if all is done.
    """
    known = marks(where) or [Mark(0, now_s)]
    if known[0].position >= begin:
        return
    over = [one for one in known if one.position <= begin]
    left = [one for one in known[1:] if one.position > begin]
    if rotated:
        replace(f"{rotated}.idx", b"".join(one.line for one in over))
    replace(where, b"".join(one.line for one in (Mark(begin, now_s), *left)))
