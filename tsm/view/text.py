"""Text for people: tables, durations, sizes, colours."""

from __future__ import annotations

import re
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOURS = {
    "online": "32",
    "launching": "36",
    "paused": "33",
    "stopping": "33",
    "waiting": "33",
    "stopped": "90",
    "completed": "90",
    "errored": "31",
    "broken": "31",
}
_PREFIX_COLOURS = ("36", "35", "33", "32", "34", "96", "95", "93")
# Compiled at their first use: each command imports this, and few need them.
_SGR = r"\x1b\[[0-9;]*m"
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
_DAY_S, _HOUR_S, _MINUTE_S = 86400, 3600, 60


class Shown(str):
    """Text that is safe on a terminal as it is: colours and line ends in it are tsm's own."""

    __slots__ = ()


def duration(seconds: float | None) -> str:
    """`42s`, `3m`, `2h`, `5d`: one unit is enough to judge by; empty for None."""
    if seconds is None:
        return ""
    for unit_s, letter in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m")):
        if seconds >= unit_s:
            return f"{int(seconds // unit_s)}{letter}"
    return f"{int(seconds)}s"


def size(count: int | None) -> str:
    """Bytes in powers of 1024: `512B`, `9.8K`, `43.1M`, `1.2G`; empty for None."""
    if count is None:
        return ""
    value = float(count)
    for unit in "BKMG":
        if value < 999.5:  # what rounds to more is of the next unit
            return f"{value:.0f}{unit}" if unit == "B" or value >= 99.95 else f"{value:.1f}{unit}"
        value /= 1024
    return f"{value:.1f}T"


@lru_cache(maxsize=4)
def stamp(time_s: float) -> str:
    """`2026-11-20 09:00:00.123` in UTC; raises ValueError for what is beyond the calendar."""
    from datetime import UTC, datetime

    try:
        when = datetime.fromtimestamp(time_s, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(time_s) from error
    return when.strftime("%Y-%m-%d %H:%M:%S.") + f"{when.microsecond // 1000:03d}"


def printable(text: str) -> str:
    """`text` with control and undecodable characters escaped, safe on a terminal."""
    if isinstance(text, Shown) or text.isprintable():
        return text
    return re.sub(_CONTROL, lambda found: repr(found[0])[1:-1], text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> str:
    """Columns two spaces apart, those named in `right` flush right, as lines, each printable."""
    lines = [heads, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(re.sub(_SGR, "", line[i])) for line in lines) for i in range(len(heads))]
    flush = [head in right for head in heads]
    shown = []
    for line in lines:
        cells = [
            _padded(cell, width, flush_right=r)
            for cell, width, r in zip(line, widths, flush, strict=True)
        ]
        shown.append("  ".join(cells).rstrip() + "\n")
    return "".join(shown)


def status(word: str, *, colour: bool) -> str:
    """A status word in its colour."""
    return painted(word, _COLOURS.get(word, "0"), colour=colour)


def prefix(name: str, place: int, *, colour: bool) -> str:
    """A name in the colour of its place among its fellows."""
    return painted(name, _PREFIX_COLOURS[place % len(_PREFIX_COLOURS)], colour=colour)


def painted(text: str, code: str, *, colour: bool) -> str:
    """`text`, printable, between the escapes of an SGR colour code (ECMA-48)."""
    text = printable(text)
    return Shown(f"\x1b[{code}m{text}\x1b[0m") if colour else text


def _padded(cell: str, width: int, *, flush_right: bool) -> str:
    space = " " * (width - len(re.sub(_SGR, "", cell)))
    return space + cell if flush_right else cell + space
