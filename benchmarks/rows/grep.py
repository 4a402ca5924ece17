"""Search a log of 1 GiB for a word, and for a regular expression."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lab.measure import piped
from lab.rounds import Lab
from lab.table import Measured, Row
from lab.trouble import Trouble
from peers.tsm import Tsm
from rows.floor import floor, plain
from rows.tail import LINE_COUNT, big_file

if TYPE_CHECKING:
    from lab.site import Command
    from lab.stand import Stand

# Each line begins with its number: both are found in those whose number ends so.
STEP = 10_000
WORD = "0000 x"
EXPRESSION = "[1-9][0-9]*0000 x+$"

GREP = Row("grep", "a word in a log of 1 GiB: the lines with it", "s")
GREP_RE = Row("grep-re", "a regular expression in the same log", "s")
ROWS = (GREP, GREP_RE)
PATTERNS = {GREP.key: WORD, GREP_RE.key: EXPRESSION}


def run(lab: Lab) -> list[Measured]:
    """Measure tsm, the only one with a command for it, beside grep(1)."""
    lines = big_file(lab.site.scratch / "lines")
    alone = Lab(lab.site, lab.rounds, [peer for peer in lab.peers if isinstance(peer, Tsm)])
    alone.notes = lab.notes

    def ready(stand: Stand) -> dict[str, float]:
        stand.start_all()
        log = stand.peer.log_file(stand.programs[0])
        link = log.with_name("linked")
        os.link(lines, link)
        link.rename(log)
        return {}

    rounds = (lab.rounds + 1) // 2
    figures = alone.together(("tall",), rounds, searched, ready)
    rows = []
    for row in ROWS:
        grep = plain(lab, "grep", "-E", PATTERNS[row.key], str(lines))
        base = floor(lab, rounds, **{"grep -E": grep})
        rows.append(Measured(row, figures.get(row.key, {}), base))
    return rows


def searched(stand: Stand) -> dict[str, float]:
    """Search both ways; raise Trouble unless all lines are found that are there."""
    (program,) = stand.programs
    figures = {}
    for key, pattern in PATTERNS.items():
        output = piped(_grep(stand, program.name, pattern))
        count, there = output.data.count(b"\n"), (LINE_COUNT - 1) // STEP + (key == GREP.key)
        if count != there:
            raise Trouble(f"{key}: {count} lines found of {there}")
        figures[key] = output.took_s
    return figures


def _grep(stand: Stand, name: str, pattern: str) -> Command:
    if not isinstance(stand.peer, Tsm):
        raise TypeError(stand.peer.name)
    return stand.peer.command("logs", name, "-n", str(LINE_COUNT), "--grep", pattern)
