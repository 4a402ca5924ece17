"""Start one program; the clock stops at its first instruction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lab.budget import RatioTo
from lab.table import Measured, Row

if TYPE_CHECKING:
    from lab.rounds import Lab
    from lab.stand import Stand

# runsv sleeps for a second after a child that ran for less.
REST_S = 1.2

START = Row("start", "start to the child's first instruction", "ms", RatioTo("pm2", 0.6))
ROWS = (START,)


def run(lab: Lab) -> list[Measured]:
    """Measure with the daemons already up."""
    removed_s: dict[str, float] = {}

    def started(stand: Stand) -> dict[str, float]:
        (program,) = stand.programs
        rested_s = removed_s.get(stand.peer.name, 0.0) + REST_S
        time.sleep(max(0.0, rested_s - time.monotonic()))
        watch = stand.start(program)
        stand.remove(program, watch.pid(program.name))
        removed_s[stand.peer.name] = time.monotonic()
        return {START.key: watch.reported_s}

    figures = lab.together(("only",), 4 * lab.rounds, started, started)
    return [Measured(START, figures.get(START.key, {}), {})]
