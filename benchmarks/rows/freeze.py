"""How long tsm's rotations keep a child that writes much from writing."""

from __future__ import annotations

import json
import shutil
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.account import account
from lab.child import pauses, pauses_file, writer
from lab.machine import file_system
from lab.measure import piped
from lab.rounds import Lab
from lab.table import Measured, Row
from lab.trouble import Trouble
from lab.watch import Watch
from peers.tsm import Tsm
from rows.rotated import drained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lab.child import Pause, Program
    from lab.site import Command
    from lab.stand import Stand

SIZE_BYTES = 300_000_000
AT_ONCE = 65536
RATE = 50_000_000  # bytes in a second: as much is rotated then as its default size, 10 MiB
IN_MEMORY = Path("/dev/shm")  # noqa: S108  where a tmpfs is to be found

DISK = Row("pause-disk", "a child's pause at a rotation on disk, at 50 MB/s: median", "ms")
DISK_WORST = Row(
    "pause-disk-worst", "a child's pause at a rotation on disk, at 50 MB/s: worst", "ms"
)
MEMORY = Row("pause-tmpfs", "a child's pause at a rotation on tmpfs, at 50 MB/s: median", "ms")
MEMORY_WORST = Row(
    "pause-tmpfs-worst", "a child's pause at a rotation on tmpfs, at 50 MB/s: worst", "ms"
)
ROWS = (DISK, DISK_WORST, MEMORY, MEMORY_WORST)

LOOK = "no rotation"
ROTATE = "tsm"
STOPPED = "SIGSTOP to SIGCONT"


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that was run while the child wrote: from when to when, and its answer."""

    begin_s: float
    end_s: float
    rows: Sequence[Mapping[str, object]]


@dataclass(slots=True)
class Tally:
    """Of each round: the longest pauses of the child, in each command that rotated or looked."""

    lab: Lab
    found: dict[str, list[float]] = field(default_factory=dict)

    def visit(self, stand: Stand) -> dict[str, float]:
        """Let the child write while tsm rotates its log, and again while it only looks."""
        for what, words in ((ROTATE, ("--force",)), (LOOK, ())):
            asked, paused = _written(stand, words)
            if what == ROTATE:
                asked = [one for one in asked if one.rows]
                told = [float(str(row["stopped_ms"])) / 1e3 for one in asked for row in one.rows]
                self.found.setdefault(STOPPED, []).extend(filter(None, told))
            self.found.setdefault(what, []).extend(_longest_s(one, paused) for one in asked)
        return {DISK.key: 0.0}

    def measured(self, peer: Tsm, row: Row, worst: Row) -> list[Measured]:
        """Answer the median and the worst pause; nothing if not every byte was there after it."""
        alone = Lab(self.lab.site, self.lab.rounds, [peer], self.lab.notes)
        kind = writer(SIZE_BYTES, AT_ONCE, RATE)
        if not alone.alone(("writer",), self.lab.rounds, self.visit, kind):
            return []
        count = len(self.found[ROTATE])
        self.lab.notes.append(f"{row.key}: of {count} rotations")
        results = []
        for one, chosen in ((row, statistics.median), (worst, max)):
            figures = {what: chosen(values) for what, values in self.found.items() if values}
            tsm = {what: figures.pop(what) for what in (ROTATE,) if what in figures}
            results.append(Measured(one, tsm, figures))
        return results


def run(lab: Lab) -> list[Measured]:
    """Measure tsm alone: no other can rotate by command."""
    rows: list[Measured] = []
    for peer in lab.peers:
        if isinstance(peer, Tsm):
            rows += Tally(lab).measured(peer, DISK, DISK_WORST)
            with in_memory(lab) as folder:
                if folder is not None:
                    there = replace(peer, elsewhere=folder)
                    rows += Tally(lab).measured(there, MEMORY, MEMORY_WORST)
    return rows


@contextmanager
def in_memory(lab: Lab) -> Iterator[Path | None]:
    """Hold a place on tmpfs, not there yet; None, and a note, where there is no room on one."""
    if file_system(IN_MEMORY) != "tmpfs" or shutil.disk_usage(IN_MEMORY).free < 3 * SIZE_BYTES:
        lab.note(MEMORY.key, Trouble(f"{IN_MEMORY} is no tmpfs with {3 * SIZE_BYTES} bytes free"))
        yield None
        return
    folder = IN_MEMORY / f"tsm-bench-{lab.site.scratch.stat().st_ino}"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(stand: Stand, words: Sequence[str]) -> tuple[list[Asked], list[Pause]]:
    """Let the child write all it has, and ask `tsm rotate WORDS` meanwhile, time and again.

    Raises Trouble unless each byte is there after it.
    """
    (program,) = stand.programs
    pid = stand.start(program).pid(program.name)
    stand.managers_at_rest([pid])
    with Watch(stand.door) as watch:
        watch.for_reports([program.name], "done")
        stand.door.open_gate()
        asked = _asked_until_done(stand, program, words)
        watch.wait()
    paused = pauses(program.name, stand.door)
    found = account(drained(stand, program, pid), SIZE_BYTES)
    stand.remove(program, pid)
    if not found.whole:
        raise Trouble(f"not what the child wrote: {found}")
    return asked, paused


def _asked_until_done(stand: Stand, program: Program, words: Sequence[str]) -> list[Asked]:
    """Answer the commands that were over before the child was."""
    asked = []
    done = pauses_file(program.name, stand.door)
    while not done.exists():
        begin_s = time.monotonic()
        output = piped(_rotate(stand, program, words))
        rows = [json.loads(line) for line in output.data.splitlines()]
        rotated = [row for row in rows if row["action"] == "rotate"]
        asked.append(Asked(begin_s, time.monotonic(), rotated))
    return asked[:-1]


def _rotate(stand: Stand, program: Program, words: Sequence[str]) -> Command:
    peer = stand.peer
    if not isinstance(peer, Tsm):
        raise TypeError(peer.name)
    return peer.command("rotate", *words, "--json", "--", program.name)


def _longest_s(asked: Asked, paused: Sequence[Pause]) -> float:
    within = (
        pause.length_s
        for pause in paused
        if pause.end_s > asked.begin_s and pause.end_s - pause.length_s < asked.end_s
    )
    return max(within, default=0.0)
