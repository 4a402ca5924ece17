"""When the bytes of a log arrived, as far as its indexes tell."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from contextlib import suppress

from tsm.store import log_index
from tsm.store.atomic import read_whole
from tsm.store.log_index import LINE_BYTES, Mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_POSITION, _TIME = slice(0, 16), slice(17, 31)  # of a line of an index
_NEVER = 1 << 62


class Times:
    """The marks of one log; those of rotated files are read where they are asked for.

    They are searched as they are written: lines of one length, digits in front.
    """

    def __init__(self, path: str, end: int, *, told: bool) -> None:
        """Of the log at `path`, which ends at a position; `told` if a resident looks after it."""
        self._path = path
        self._data = _lines(f"{path}.idx")
        self._complete = False
        self._last = (0, Mark(0, 0.0))  # what `at` has found, and the position of that before it
        with suppress(OSError):
            self._data += Mark(end, os.stat(path).st_mtime, told=told).line

    def at(self, position: int) -> Mark | None:
        """What tells when the bytes before `position` had arrived; None if nobody knows."""
        after, mark = self._last
        if after < position <= mark.position:
            return mark
        key = b"%016d" % position
        self._reach(key, _POSITION)
        place = bisect_left(self._places(), key, key=self._part(_POSITION))
        found, before = self._mark(place), self._mark(place - 1)
        if found is not None:
            self._last = (before.position if before is not None else -1, found)
        return found

    def since(self, time_s: float) -> int:
        """A position before which everything had arrived earlier."""
        before = self._mark(self._search(bisect_left, time_s) - 1)
        return before.position if before is not None else 0

    def until(self, time_s: float) -> int:
        """A position from which on nothing had arrived by then."""
        count = self._search(bisect_right, time_s)
        before, after = self._mark(count - 1), self._mark(count)
        if after is None:
            return _NEVER
        if not after.told:
            return after.position  # some of that may have been earlier
        return before.position if before is not None else 0

    def _search(self, bisect: Callable[..., int], time_s: float) -> int:
        """How many marks are before that time, or not after it."""
        key = b"%014.3f" % max(0.0, time_s)
        self._reach(key, _TIME)
        return bisect(self._places(), key, key=self._part(_TIME))

    def _reach(self, key: bytes, part: slice) -> None:
        """Have the marks of rotated files too, if the first of the others is beyond `key`."""
        if not self._complete and self._data[part] >= key:
            from tsm.store import rotated

            indexes = rotated.indexes(self._path)
            self._data = b"".join(map(_lines, indexes)) + self._data
            self._complete = True

    def _places(self) -> range:
        return range(len(self._data) // LINE_BYTES)

    def _part(self, part: slice) -> Callable[[int], bytes]:
        return lambda place: self._line(place)[part]

    def _line(self, place: int) -> bytes:
        return self._data[place * LINE_BYTES : (place + 1) * LINE_BYTES]

    def _mark(self, place: int) -> Mark | None:
        return log_index.mark(self._line(place)) if place in self._places() else None


def _lines(path: str) -> bytes:
    """The whole lines of an index."""
    try:
        data = read_whole(path)
    except OSError:
        return b""
    return data[: len(data) // LINE_BYTES * LINE_BYTES]
