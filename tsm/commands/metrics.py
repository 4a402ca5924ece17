"""show what processes use, over time"""

from __future__ import annotations

import os
import sys
import time

from tsm.patrol.choose import chosen_ever
from tsm.store import metrics
from tsm.view import text
from tsm.view.arguments import add_names, add_output, moment
from tsm.view.sparkline import Span, interval_s, sparkline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from tsm.context import Context

_HEADS = ("Name", "What", "Over time", "Min", "Mean", "Max")
_RIGHT = ("Min", "Mean", "Max")
_OTHERS_WIDTH = 38  # of the columns beside the name and the line
_LEAST_COLUMNS = 8


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser, least="*")
    parser.add_argument(
        "--since",
        metavar="TIME",
        default="1h",
        help="10m: so long ago; or 2026-11-20T12:30 (UTC); default: 1h",
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print the samples, oldest first, or a line of bars for each process."""
    now_s = time.time()
    since_s = moment(opts.since, now_s)
    names = chosen_ever(context.home, opts.names) if opts.names else None
    rows = metrics.samples(context.home, since_s, names)
    if context.as_json:
        for row in rows:
            context.row(row, "")
    else:
        _show(_by_name(rows), since_s, now_s, context)
    return 0


def _by_name(rows: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["name"], []).append(row)
    return dict(sorted(found.items()))


def _show(
    found: dict[str, list[dict[str, Any]]], since_s: float, now_s: float, at: Context
) -> None:
    if not found:
        at.say(
            "no samples in that time, see --since: tsm patrol takes one of each process that is up"
        )
        return
    since_s = max(since_s, min(row["time"] for rows in found.values() for row in rows))
    columns = max(_LEAST_COLUMNS, _width() - _OTHERS_WIDTH - max(map(len, found)))
    lines = []
    for name, unordered in found.items():
        rows = sorted(unordered, key=lambda row: row["time"])  # a clock may have been set
        span = Span(since_s, now_s, columns, interval_s([row["time"] for row in rows]))
        for head, key, shown in (("cpu", "cpu", _percent), ("mem", "mem", _size)):
            points = [(row["time"], row[key]) for row in rows if row[key] is not None]
            bars = sparkline(span.means(points))
            called = name if key == "cpu" else ""
            lines.append((called, head, bars, *_figures([one for _, one in points], shown)))
    at.write(text.table(_HEADS, lines, _RIGHT))


def _figures(values: Sequence[float], shown: Callable[[float], str]) -> tuple[str, str, str]:
    """The smallest, the mean and the largest, for people."""
    if not values:
        return "-", "-", "-"
    return shown(min(values)), shown(sum(values) / len(values)), shown(max(values))


def _percent(value: float) -> str:
    return f"{value:.1f}%"


def _size(value: float) -> str:
    return text.size(int(value))


def _width() -> int:
    """How many columns the terminal has, 80 where there is none; COLUMNS goes before it."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdecimal():
        return int(told) or 80
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80
