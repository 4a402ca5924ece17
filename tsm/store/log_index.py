"""When which byte of a log arrived: `current.out.idx`, beside the log that stays raw.

Lines of 32 bytes, so that they can be searched: a position, counted from the first byte that
the stream ever had, and a time at which the log had grown to there. The first line tells where
the file begins and when it was begun; it is replaced, with those that are over, when the head
of the log is rotated.
"""

from __future__ import annotations

import os
import re
from itertools import takewhile

from tsm.record import Record
from tsm.store import logs
from tsm.store.atomic import append, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

_LINE_BYTES = 32
_LINE = re.compile(rb"\d{16} \d{10}\.\d{3}\n")


class Mark(Record):
    """One line of an index."""

    position: int
    time_s: float

    @property
    def line(self) -> bytes:
        """As it is written."""
        return b"%016d %014.3f\n" % (self.position, self.time_s)


def path(home: Home, name: str, stream: str) -> str:
    """The index of the current file."""
    return f"{logs.current(home, name, stream)}.idx"


def marks(path: str) -> list[Mark]:
    """The lines of an index, the first one first; none if there is no index.

    What is no line, and all after it, is left out: an index is worth no error.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return []
    lines = (data[at : at + _LINE_BYTES] for at in range(0, len(data), _LINE_BYTES))
    found = takewhile(lambda one: one is not None, map(_mark, lines))
    return [one for one in found if one is not None]


def lost(home: Home, name: str, stream: str, size: int) -> int:
    """How many bytes fewer the current file has than it had: somebody else has emptied it."""
    first, last = _ends(path(home, name, stream))
    return 0 if first is None or last is None else max(0, last.position - first.position - size)


def restart(where: str, now_s: float) -> None:
    """Begin anew, at the position that was noted last."""
    _, last = _ends(where)
    replace(where, Mark(last.position if last is not None else 0, now_s).line)


def noted(home: Home, name: str, stream: str, size: int, now_s: float) -> float:
    """Note how large the current file is, if it has grown since; when it was begun."""
    where = path(home, name, stream)
    first, last = _ends(where)
    if first is None and size == 0:
        return now_s
    if first is None or last is None:
        replace(where, Mark(0, now_s).line + Mark(size, now_s).line)
        return now_s
    if first.position + size > last.position:
        append(where, Mark(first.position + size, now_s).line)
    return first.time_s


def _ends(path: str) -> tuple[Mark | None, Mark | None]:
    """The first and the last line; a torn one at the end is passed over."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None, None
    try:
        count = os.fstat(fd).st_size // _LINE_BYTES
        first = _mark(os.pread(fd, _LINE_BYTES, 0))
        return first, _mark(os.pread(fd, _LINE_BYTES, max(0, count - 1) * _LINE_BYTES)) or first
    finally:
        os.close(fd)


def _mark(line: bytes) -> Mark | None:
    return Mark(int(line[:16]), float(line[17:])) if _LINE.fullmatch(line) else None


def is_sound(path: str) -> bool:
    """Whether each line of an index is one; a torn one at its end is no fault."""
    with open(path, "rb") as file:
        count = os.fstat(file.fileno()).st_size // _LINE_BYTES
    return len(marks(path)) == count


def begin(home: Home, name: str, stream: str) -> int:
    """Where the current file begins."""
    return logs.begin(logs.current(home, name, stream))


def end(home: Home, name: str, stream: str) -> int:
    """Where the current file ends now."""
    return begin(home, name, stream) + logs.size(home, name, stream)


def offset(home: Home, name: str, stream: str, position: int) -> int:
    """Where in the current file a position is; 0 for what has been rotated out of it."""
    return max(0, position - begin(home, name, stream))


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
