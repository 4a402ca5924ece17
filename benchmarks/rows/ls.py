"""List 100 running programs, through a pipe and on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.budget import RatioTo
from lab.measure import on_terminal, piped
from lab.table import Measured, Row
from lab.trouble import Trouble
from rows.fleet import FLEET
from rows.floor import floor

if TYPE_CHECKING:
    from lab.rounds import Lab
    from lab.stand import Stand

BUDGET = RatioTo("pm2", 0.45)
PIPE = Row("ls", "ls of 100, through a pipe", "ms", BUDGET)
TERMINAL = Row("ls-tty", "ls of 100, on a terminal", "ms", BUDGET)
ROWS = (PIPE, TERMINAL)


def run(lab: Lab) -> list[Measured]:
    """Measure both ways of listing."""
    figures = lab.together(FLEET, 4 * lab.rounds, listed, ready)
    base = floor(lab, 4 * lab.rounds)
    return [Measured(row, figures.get(row.key, {}), base) for row in ROWS]


def ready(stand: Stand) -> dict[str, float]:
    """Start all, and list once before it counts."""
    stand.start_all()
    return listed(stand)


def listed(stand: Stand) -> dict[str, float]:
    """List both ways; raise Trouble when a program is missing from the list."""
    figures = {}
    for row, way in ((PIPE, piped), (TERMINAL, on_terminal)):
        output = way(stand.peer.ls())
        missing = [name for name in stand.names if name.encode() not in output.data]
        if missing:
            raise Trouble(f"{row.title}: {len(missing)} are not listed")
        figures[row.key] = output.took_s
    return figures
