"""Start 100 programs at once, and stop them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.budget import AtMost
from lab.table import Measured, Row

if TYPE_CHECKING:
    from lab.rounds import Lab
    from lab.stand import Stand

FLEET = tuple(f"worker-{number:03}" for number in range(100))

SECOND = AtMost(1.0, "<= 1 s")
STARTED = Row("start-100", "start of 100, until all run", "s", SECOND)
START_BACK = Row("start-100-back", "start of 100, until the command returns", "s", SECOND)
STOPPED = Row("stop-100", "stop of 100, until all are gone", "s", SECOND)
STOP_BACK = Row("stop-100-back", "stop of 100, until the command returns", "s", SECOND)
ROWS = (STARTED, START_BACK, STOPPED, STOP_BACK)


def run(lab: Lab) -> list[Measured]:
    """Measure starts and stops in turn."""
    figures = lab.together(FLEET, lab.rounds, cycled, lambda _: {})
    return [Measured(row, figures.get(row.key, {}), {}) for row in ROWS]


def cycled(stand: Stand) -> dict[str, float]:
    """Start all and stop all."""
    pids, start = stand.start_all()
    stop = stand.stop_all(pids)
    figures = {
        STARTED.key: start.reported_s,
        STOPPED.key: stop.gone_s,
        STOP_BACK.key: stop.returned_s,
    }
    if stand.peer.start_all_returns:
        figures[START_BACK.key] = start.returned_s
    return figures
