"""Kill a child from outside; the clock stops when the next is executed, and at its first line."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lab import proc
from lab.budget import AtMost
from lab.execs import listening
from lab.rounds import Lab
from lab.table import Measured, Row
from lab.trouble import eventually
from lab.watch import Watch
from peers.tsm import Tsm

if TYPE_CHECKING:
    from lab.execs import Execs
    from lab.rounds import Figures
    from lab.stand import Stand

# No peer waits before it restarts a child that has run this long.
STABLE_S = 1.2

CRASH = Row("crash", "crash to the next exec", "ms", AtMost(0.006, "<= 6 ms"))
LINE = Row("crash-line", "crash to the next first instruction", "ms")
CRON = Row(
    "crash-cron", "the same, no tsm in memory", "ms", AtMost(0.1, "<= 100 ms, no tsm resident")
)
ROWS = (CRASH, LINE, CRON)


def run(lab: Lab) -> list[Measured]:
    """Measure all peers in turn, and tsm once more where no patrol stays."""
    without = Lab(lab.site, lab.rounds, notes=lab.notes)
    without.peers += [replace(peer, cron=True) for peer in lab.peers if isinstance(peer, Tsm)]
    figures, cron = _crashed(lab), _crashed(without)
    rows = [Measured(row, figures.get(row.key, {}), {}) for row in (CRASH, LINE)]
    rows.append(Measured(CRON, cron.get(LINE.key, {}), {}))
    return [row for row in rows if row.figures]


def _crashed(lab: Lab) -> Figures:
    """Crash each child once, when it is old enough to be stable and the machine is at rest."""
    victims: dict[str, int] = {}
    execs = listening()
    if execs is None and (note := "crash: the kernel tells root alone of an exec") not in lab.notes:
        lab.notes.append(note)

    def ready(stand: Stand) -> dict[str, float]:
        (victims[stand.peer.name],), _ = stand.start_all()
        return {}

    def crashed(stand: Stand) -> dict[str, float]:
        time.sleep(STABLE_S)  # also for what the last peer has just started
        with Watch(stand.door) as watch:
            watch.for_reports(stand.names)
            watch.begin()
            os.kill(victims[stand.peer.name], signal.SIGKILL)
            watch.wait()
        figures = {LINE.key: watch.reported_s}
        if execs is not None:
            figures[CRASH.key] = _executed_s(execs, watch.pid(*stand.names)) - watch.began_s
        ready(stand)  # a new one each time: who crashes often is made to wait
        return figures

    try:
        return lab.together(("victim",), 2 * lab.rounds, crashed, ready)
    finally:
        if execs is not None:
            execs.close()


def _executed_s(execs: Execs, pid: int) -> float:
    """When the script of a sleeper was executed: before `sleep`, which is what it ends as."""
    eventually(lambda: proc.command(pid) == "sleep", "it sleeps")
    return execs.of(pid)[-2]
