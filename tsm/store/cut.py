"""The notes of a rotation: what is on its way out of a current file (`current.out.cut`).

Lines, of which the last counts: so what was done while nobody could write is noted at once.
"""

from __future__ import annotations

import json
from itertools import pairwise

from tsm.errors import Broken
from tsm.model import Identity
from tsm.record import Record
from tsm.store import logs, rotated
from tsm.store.atomic import read_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsm.store.home import Home


class Cut(Record):
    """The head of a current file, which becomes one rotated file, or several in a row."""

    to: str  # the name of the first of them
    inode: int  # of the current file
    begin: int = 0  # where the current file begins, counted from the first byte of the stream
    why: str = ""  # what the event will say
    ends: tuple[int, ...] = ()  # where in the current file each of them ends; not known yet: none
    size: int = 0  # of the current file, when nobody could write
    place: int | None = None  # of its first block, where the head is collapsed
    stopped: tuple[Identity, ...] = ()  # who was stopped for it
    mark: str = ""  # after what was moved to the front, until the head is dropped; hexadecimal
    dropped: bool = False  # the head is gone from the current file

    @property
    def count(self) -> int:
        """Bytes of the head; 0: not known yet."""
        return self.ends[-1] if self.ends else 0

    @property
    def names(self) -> list[str]:
        """The rotated files, oldest first."""
        return [rotated.later(self.to, number) for number in range(len(self.ends))]

    def parts(self, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
        """The number of each rotated file, and which of those bytes it holds.

        What comes after the last known end is the beginning of a further one.
        """
        borders = (0, *self.ends, max(end, self.count))
        for number, (first, last) in enumerate(pairwise(borders)):
            if max(first, begin) < min(last, end):
                yield number, max(first, begin), min(last, end)

    def first(self, number: int) -> int:
        """Where in the current file the rotated file of that number begins."""
        return self.ends[number - 1] if number else 0


def note_file(home: Home, name: str, stream: str) -> str:
    """The file of notes."""
    return f"{logs.current(home, name, stream)}.cut"


def noted(path: str) -> Cut | None:
    """What the last whole line of a file of notes says; None if there is none. Raises Broken."""
    try:
        *lines, _torn = read_whole(path).split(b"\n")
    except FileNotFoundError:
        return None
    last = next(filter(None, reversed(lines)), None)
    return None if last is None else _decoded(path, last)


def encoded(cut: Cut) -> bytes:
    """A line of notes."""
    stopped = [[one.boot, one.pid, one.ticks] for one in cut.stopped]
    values = {field: getattr(cut, field) for field in Cut.fields} | {"stopped": stopped}
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


def _decoded(path: str, data: bytes) -> Cut:
    try:
        match json.loads(data):
            case {
                "to": str(to),
                "inode": int(inode),
                "begin": int(begin),
                "why": str(why),
                "ends": [*ends],
                "size": int(size),
                "place": int() | None as place,
                "stopped": [*stopped],
                "mark": str(mark),
                "dropped": bool(dropped),
            } if rotated.is_name(to):
                who = tuple(
                    Identity(str(boot), int(pid), int(ticks)) for boot, pid, ticks in stopped
                )
                where = tuple(map(int, ends))
                return Cut(to, inode, begin, why, where, size, place, who, mark, dropped)
    except (ValueError, TypeError):
        pass
    message = f"{path}: not a note of a rotation"
    raise Broken(message)
