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
REST_S = 60.0

MEMORY = Row("memory", "memory of the managers of 100 (PSS)", "MB", AtMost(40e6, "<= 40 MB"))
IDLE = Row(
    "idle",
    "processor time of the managers of 100 in a minute of rest",
    "ms",
    AtMost(0.12, "<= 0.2% of a core"),
)
ROWS = (MEMORY, IDLE)


def run(lab: Lab) -> list[Measured]:
    """Measure one peer at a time: libraries shared with another would count for less."""
    figures = lab.alone(FLEET, 1, weighed, sleeper)
    return [Measured(row, figures.get(row.key, {}), {}) for row in ROWS]


def weighed(stand: Stand) -> dict[str, float]:
    """Start all, let the daemon calm down, and add up; then let them rest."""
    pids, _ = stand.start_all()
    time.sleep(SETTLE_S)
    managers = stand.managers(pids)
    weight = sum(map(proc.pss_bytes, managers))
    before_s = proc.cpu_s(managers)
    time.sleep(REST_S)
    return {MEMORY.key: weight, IDLE.key: proc.cpu_s(managers) - before_s}
