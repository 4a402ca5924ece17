"""The last 1,000 lines of a log of 1 GiB."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from lab.budget import Beyond
from lab.measure import piped
from lab.table import Measured, Row
from lab.trouble import Trouble
from rows.floor import floor, plain

if TYPE_CHECKING:
    from pathlib import Path

    from lab.rounds import Lab
    from lab.stand import Stand

LINE_BYTES = 128
LINE_COUNT = 2**23  # of 128 bytes: 1 GiB
WANTED = 1000
BLOCK_BYTES = 1 << 20

TAIL = Row(
    "tail",
    "last 1,000 lines of a log of 1 GiB",
    "ms",
    Beyond("tsm --version", 0.010, "<= tsm --version + 10 ms"),
)
ROWS = (TAIL,)


def run(lab: Lab) -> list[Measured]:
    """Measure all peers on the same lines."""
    lines = big_file(lab.site.scratch / "lines")

    def ready(stand: Stand) -> dict[str, float]:
        start_with_log(stand, lines)
        return tailed(stand)

    figures = lab.together(("tall",), 2 * lab.rounds, tailed, ready)
    tail = plain(lab, "tail", "-n", str(WANTED), str(lines))
    base = floor(lab, 2 * lab.rounds, **{"tail -n 1000": tail})
    return [Measured(TAIL, figures.get(TAIL.key, {}), base)]


def start_with_log(stand: Stand, lines: Path) -> None:
    """Start the only program, and add that file to its log, as if it had written that."""
    pids, _ = stand.start_all()
    stand.managers_at_rest(pids)
    with lines.open("rb") as source, stand.peer.log_file(stand.programs[0]).open("ab") as log:
        shutil.copyfileobj(source, log, BLOCK_BYTES)
    stand.managers_at_rest(pids)


def tailed(stand: Stand) -> dict[str, float]:
    """Read the end of the log; raise Trouble unless it is the end, and all of it."""
    output = piped(stand.peer.tail(stand.programs[0], WANTED, LINE_BYTES))
    for number in (LINE_COUNT - WANTED, LINE_COUNT - 1):
        if b"%010d" % number not in output.data:
            raise Trouble(f"line {number} is not in the last {WANTED} lines")
    return {TAIL.key: output.took_s}


def big_file(path: Path) -> Path:
    """Write the lines, each with its number, unless they are there; answer `path`."""
    if not path.exists() or path.stat().st_size != LINE_COUNT * LINE_BYTES:
        filler = b" " + b"x" * (LINE_BYTES - 12) + b"\n"
        with path.open("wb") as file:
            file.writelines(b"%010d" % number + filler for number in range(LINE_COUNT))
    return path
