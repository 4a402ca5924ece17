"""What 500 MB of log cost the manager in processor time, and the child in waiting."""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING

from lab import proc
from lab.budget import AtMost
from lab.child import Door, pauses, writer, written
from lab.measure import spawn
from lab.site import Command
from lab.table import Measured, Row
from lab.trouble import Trouble, eventually
from lab.watch import Watch
from rows.floor import NOBODY

if TYPE_CHECKING:
    from lab.child import Kind, Pause
    from lab.rounds import Lab
    from lab.stand import Stand

SIZE_BYTES = 500_000_000
DRAIN_S = 60.0

CPU = Row("log-cpu", "processor time of the manager for 500 MB of log", "s", AtMost(0.05, "~0"))
WRITE = Row("log-write", "the child's time to write 500 MB of log", "s")
ROWS = (CPU, WRITE)


def run(lab: Lab) -> list[Measured]:
    """Measure one peer at a time, and a child whose stdout is a file and has no manager."""
    rounds = (lab.rounds + 1) // 2
    kind = writer(SIZE_BYTES)
    figures = lab.alone(("talker",), rounds, talked, kind)
    bare_s = statistics.median(bare(lab, "talker", kind)[0] for _ in range(rounds))
    return [
        Measured(CPU, figures.get(CPU.key, {}), {}),
        Measured(WRITE, figures.get(WRITE.key, {}), {"straight to a file": bare_s}),
    ]


def talked(stand: Stand) -> dict[str, float]:
    """Let the child write, wait until the log has it all, and read the managers' clocks."""
    (program,) = stand.programs
    pids, _ = stand.start_all()
    managers = stand.managers_at_rest(pids)  # the start of one is no cost of a log
    log = stand.peer.log_file(program)
    before_s = proc.cpu_s(managers)
    took_s = write_time(stand.door, program.name)
    eventually(lambda: log.stat().st_size >= SIZE_BYTES, f"{log.name} is whole", DRAIN_S)
    stand.managers_at_rest(pids)
    after_s = proc.cpu_s(managers)
    if log.stat().st_size != SIZE_BYTES:
        raise Trouble(f"{log.name} has {log.stat().st_size} bytes for {SIZE_BYTES}")
    log.unlink()
    os.sync()
    return {CPU.key: after_s - before_s, WRITE.key: took_s}


def bare(lab: Lab, name: str, kind: Kind) -> tuple[float, list[Pause]]:
    """Answer a child's time and pauses with its stdout on a file and nobody in between."""
    folder = lab.site.emptied(NOBODY)
    door = Door(folder / "door")
    try:
        program = written(name, kind(name, door), folder)
        command = Command((str(program.script),), lab.site.env(NOBODY), folder)
        with Watch(door) as watch:
            watch.for_reports([program.name])
            child = spawn(command, folder / "out")
            watch.wait()
        took_s, paused = write_time(door, name), pauses(name, door)
        child.kill()
        child.wait()
    finally:
        door.close()
        lab.site.end_all(NOBODY)
    (folder / "out").unlink()
    os.sync()
    return took_s, paused


def write_time(door: Door, name: str) -> float:
    """Open the gate; answer how long child `name` says that it took to write."""
    with Watch(door) as watch:
        watch.for_reports([name], "done")
        door.open_gate()
        watch.wait()
    return float(watch.reported[name].value)
