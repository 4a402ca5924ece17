"""Samples as lines of little bars: how a number went over time, and when there was none."""

from __future__ import annotations

from itertools import pairwise
from math import inf

from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Point = tuple[float, float]  # time_s, value

_BARS = "▁▂▃▄▅▆▇█"
_GAP = " "


class Span(Record):
    """What the columns of a line stand for."""

    since_s: float
    until_s: float
    columns: int
    interval_s: float  # between two samples: a column without one of its own looks so far back

    def means(self, points: Sequence[Point]) -> list[float | None]:
        """The mean of the values in each column, or the last before it; None where it was down.

        `points` are ordered by time.
        """
        width_s = (self.until_s - self.since_s) / self.columns
        found: list[float | None] = []
        place, value_s, value = 0, -inf, 0.0
        for column in range(1, self.columns + 1):
            end_s = self.since_s + column * width_s
            values = []
            while place < len(points) and points[place][0] <= end_s:
                value_s, value = points[place]
                values.append(value)
                place += 1
            near = value_s > end_s - 1.5 * self.interval_s
            mean = sum(values) / len(values) if values else value
            found.append(mean if values or near else None)
        return found


def interval_s(times_s: Sequence[float]) -> float:
    """How far apart the samples of one process usually are; 0 where there are not two."""
    apart = sorted(after - before for before, after in pairwise(times_s))
    return max(0.0, apart[len(apart) // 2]) if apart else 0.0


def sparkline(values: Sequence[float | None]) -> str:
    """A bar for each value, from 0 to the largest of them; a gap for None."""
    top = max((value for value in values if value is not None), default=0.0)
    return "".join(_GAP if value is None else _bar(value, top) for value in values)


def _bar(value: float, top: float) -> str:
    height = int(value / top * (len(_BARS) - 1) + 0.5) if top > 0 else 0
    return _BARS[height]
