"""Kill a child from outside; the clock stops at the first instruction of the next."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.budget import AtMost
from lab.rounds import Lab
from lab.table import Measured, Row
from lab.watch import Watch
from peers.tsm import Tsm

if TYPE_CHECKING:
    from lab.stand import Stand

# No peer waits before it restarts a child that has run this long.
STABLE_S = 1.2

CRASH = Row("crash", "crash to the next first instruction", "ms", AtMost(0.006, "<= 6 ms"))
CRON = Row(
    "crash-cron", "the same, no tsm in memory", "ms", AtMost(0.1, "<= 100 ms, no tsm resident")
)
ROWS = (CRASH, CRON)


def run(lab: Lab) -> list[Measured]:
    """Measure all peers in turn, and tsm once more where no patrol stays."""
    without = Lab(lab.site, lab.rounds, notes=lab.notes)
    without.peers += [replace(peer, cron=True) for peer in lab.peers if isinstance(peer, Tsm)]
    rows = (Measured(CRASH, _crashed(lab), {}), Measured(CRON, _crashed(without), {}))
    return [row for row in rows if row.figures]


def _crashed(lab: Lab) -> dict[str, float]:
    """Crash each child once, when it is old enough to be stable."""
    victims: dict[str, tuple[int, float]] = {}

    def ready(stand: Stand) -> dict[str, float]:
        pids, _ = stand.start_all()
        victims[stand.peer.name] = (pids[0], time.monotonic())
        return {}

    def crashed(stand: Stand) -> dict[str, float]:
        pid, born_s = victims[stand.peer.name]
        time.sleep(max(0.0, born_s + STABLE_S - time.monotonic()))
        with Watch(stand.door) as watch:
            watch.for_reports(stand.names)
            watch.begin()
            os.kill(pid, signal.SIGKILL)
            watch.wait()
        ready(stand)  # a new one each time: who crashes often is made to wait
        return {CRASH.key: watch.reported_s}

    return lab.together(("victim",), 2 * lab.rounds, crashed, ready).get(CRASH.key, {})
