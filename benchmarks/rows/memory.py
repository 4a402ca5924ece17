"""Memory of all manager processes for 100 programs, the programs themselves left out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lab import proc
from lab.budget import AtMost
from lab.child import sleeper
from lab.table import Measured, Row
from rows.fleet import FLEET

if TYPE_CHECKING:
    from lab.rounds import Lab
    from lab.stand import Stand

SETTLE_S = 3.0

MEMORY = Row("memory", "memory of the managers of 100 (PSS)", "MB", AtMost(40e6, "<= 40 MB"))
ROWS = (MEMORY,)


def run(lab: Lab) -> list[Measured]:
    """Measure one peer at a time: libraries shared with another would count for less."""
    figures = lab.alone(FLEET, (lab.rounds + 1) // 2, weighed, sleeper)
    return [Measured(MEMORY, figures.get(MEMORY.key, {}), {})]


def weighed(stand: Stand) -> dict[str, float]:
    """Start all, let the daemon calm down, and add up."""
    pids, _ = stand.start_all()
    time.sleep(SETTLE_S)
    return {MEMORY.key: sum(map(proc.pss_bytes, stand.managers(pids)))}
