"""Children that write at full speed while logs are rotated: their speed, the cost, what is lost."""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING

from lab import proc
from lab.account import account
from lab.budget import AtMost
from lab.child import pauses, writer
from lab.rounds import Lab
from lab.table import Measured, Row
from lab.writer import LINE_BYTES
from rows.log_cost import bare, write_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.child import Door, Pause, Program
    from lab.stand import Stand

# The children by name: what each writes, and how much of that at once.
SIZE_BYTES = {"blocks": 1_000_000_000, "lines": 100_000_000}
AT_ONCE = {"blocks": 65536, "lines": LINE_BYTES}

NONE = AtMost(0, "0")
SPEED = {
    "blocks": Row("rotated-blocks", "writing 1 GB in 64 KB blocks, rotated at 10 MB", "MB/s"),
    "lines": Row("rotated-lines", "writing 100 MB in single lines, rotated at 10 MB", "MB/s"),
}
CPU = {
    "blocks": Row("rotated-blocks-cpu", "processor time of the manager per GB of blocks", "s"),
    "lines": Row("rotated-lines-cpu", "processor time of the manager per GB of lines", "s"),
}
PAUSE = {
    "blocks": Row("rotated-blocks-pause", "longest pause of the child in those blocks", "ms"),
    "lines": Row("rotated-lines-pause", "longest pause of the child in those lines", "ms"),
}
LOST = Row("rotated-lost", "lines lost of these 11 million", "lines", NONE)
TWICE = Row("rotated-twice", "lines there twice", "lines", NONE)
TORN = Row("rotated-torn", "lines torn", "lines", NONE)
CUT = Row("rotated-cut", "log files that end within a line", "files", NONE)
FATES = (LOST, TWICE, TORN, CUT)
ROWS = (*(row[name] for name in AT_ONCE for row in (SPEED, CPU, PAUSE)), *FATES)
FILES = "rotated-files"


def run(lab: Lab) -> list[Measured]:
    """Measure one peer at a time, and children whose stdout is a file that nobody rotates."""
    rounds = (lab.rounds + 1) // 2
    rotating = Lab(lab.site, rounds, [peer.rotating() for peer in lab.peers], lab.notes)
    worst = [row.key for row in FATES]
    figures = rotating.alone(tuple(AT_ONCE), rounds, wrote, kind, worst)
    floors: dict[str, dict[str, float]] = {}
    for name in AT_ONCE:
        alone = [bare(lab, name, kind) for _ in range(rounds)]
        speed = statistics.median(SIZE_BYTES[name] / took_s for took_s, _ in alone)
        floors[SPEED[name].key] = {"straight to a file": speed}
        pause_s = statistics.median(longest_s(paused) for _, paused in alone)
        floors[PAUSE[name].key] = {"straight to a file": pause_s}
    if counts := figures.get(FILES):
        told = ", ".join(f"{peer} {count:.0f}" for peer, count in counts.items())
        lab.notes.append(f"{FILES}: that many log files hold those lines: {told}")
    return [Measured(row, figures.get(row.key, {}), floors.get(row.key, {})) for row in ROWS]


def kind(name: str, door: Door) -> str:
    """Answer the script of one of the children."""
    return writer(SIZE_BYTES[name], AT_ONCE[name])(name, door)


def wrote(stand: Stand) -> dict[str, float]:
    """Let one child after the other write; what has become of their lines is added up."""
    figures: dict[str, float] = {}
    for program in stand.programs:
        for key, value in _wrote(stand, program).items():
            figures[key] = figures.get(key, 0) + value
    return figures


def _wrote(stand: Stand, program: Program) -> dict[str, float]:
    """Let a child write, wait until all has come to rest, and read what is there."""
    name = program.name
    pid = stand.start(program).pid(name)
    managers = stand.managers_at_rest([pid])
    before_s = proc.cpu_s(managers)
    took_s = write_time(stand.door, name)
    files = drained(stand, program, pid)
    used_s = proc.cpu_s(managers) - before_s
    found = account(files, SIZE_BYTES[name])
    stand.remove(program, pid)
    for path in files:
        path.unlink(missing_ok=True)
    os.sync()
    return {
        SPEED[name].key: SIZE_BYTES[name] / took_s,
        CPU[name].key: used_s * 1e9 / SIZE_BYTES[name],
        PAUSE[name].key: longest_s(pauses(name, stand.door)),
        LOST.key: found.lost,
        TWICE.key: found.twice,
        TORN.key: found.torn,
        CUT.key: found.cut,
        FILES: len(files),
    }


def drained(stand: Stand, program: Program, pid: int) -> list[Path]:
    """Wait until the peer is at rest and the logs of `program` grow no more; answer their files."""
    size = -1
    while True:
        files = stand.peer.log_files(program)
        before, size = size, sum(path.stat().st_size for path in files)
        if size == before:
            return files
        stand.managers_at_rest([pid])


def longest_s(paused: Sequence[Pause]) -> float:
    """Answer the length of the longest of some pauses."""
    return max((pause.length_s for pause in paused), default=0.0)
