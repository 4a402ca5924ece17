"""Search a log of 1 GiB for a word and for a regular expression, in one file and in many."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from lab.child import sleeper
from lab.measure import piped
from lab.rounds import Lab
from lab.table import Measured, Row
from lab.trouble import Trouble, eventually
from peers.tsm import Tsm
from rows.floor import floor, plain
from rows.rotated import drained
from rows.tail import LINE_COUNT, big_file, start_with_log

if TYPE_CHECKING:
    from pathlib import Path

    from lab.child import Door, Kind
    from lab.stand import Stand

# Each line begins with its number: both are found in those whose number ends so.
STEP = 10_000
WORD = "0000 x"
EXPRESSION = "[1-9][0-9]*0000 x+$"
DRAIN_S = 120.0

WORDS = Row("grep", "the lines with a word in a log of 1 GiB", "s")
EXPRESSIONS = Row("grep-re", "those with a regular expression", "s")
HISTORY = Row("grep-history", "the same in 1 GiB of rotated logs", "s")
ROWS = (WORDS, EXPRESSIONS, HISTORY)
PATTERNS = {WORDS.key: WORD, EXPRESSIONS.key: EXPRESSION, HISTORY.key: EXPRESSION}


def run(lab: Lab) -> list[Measured]:
    """Measure tsm, the only one with a command for it, beside grep(1)."""
    lines = big_file(lab.site.scratch / "lines")
    rounds = (lab.rounds + 1) // 2
    peers = [peer for peer in lab.peers if isinstance(peer, Tsm)]
    alone = Lab(lab.site, rounds, [*peers], lab.notes)
    rotating = Lab(lab.site, rounds, [peer.rotating() for peer in peers], lab.notes)

    def ready(stand: Stand) -> dict[str, float]:
        start_with_log(stand, lines)
        return {}

    figures = alone.together(("tall",), rounds, searched, ready)
    figures |= rotating.alone(("long",), rounds, searched_all, teller(lines))
    rows = []
    for row in ROWS:
        grep = plain(lab, "grep", "-E", PATTERNS[row.key], str(lines))
        base = floor(lab, rounds, **{"grep -E": grep})
        rows.append(Measured(row, figures.get(row.key, {}), base))
    return rows


def teller(lines: Path) -> Kind:
    """Answer a kind of child that writes all of a file at once."""

    def script(name: str, door: Door) -> str:
        first, report, last = sleeper(name, door).splitlines()
        return "\n".join([first, report, f"cat {shlex.quote(str(lines))}", last, ""])

    return script


def searched(stand: Stand) -> dict[str, float]:
    """Search the current file both ways."""
    most = ("-n", str(LINE_COUNT))
    return {row.key: _took_s(stand, row, *most) for row in (WORDS, EXPRESSIONS)}


def searched_all(stand: Stand) -> dict[str, float]:
    """Let a child write what is rotated then, and search all of it."""
    (program,) = stand.programs
    pids, _ = stand.start_all()
    eventually(lambda: len(stand.peer.log_files(program)) > 1, "it is rotated", DRAIN_S)
    drained(stand, program, pids[0])
    return {HISTORY.key: _took_s(stand, HISTORY, "--all-history")}


def _took_s(stand: Stand, row: Row, *options: str) -> float:
    """Search, and raise Trouble unless all lines are found that are there."""
    (program,) = stand.programs
    if not isinstance(stand.peer, Tsm):
        raise TypeError(stand.peer.name)
    command = stand.peer.command("logs", program.name, "--grep", PATTERNS[row.key], *options)
    output = piped(command)
    count, there = output.data.count(b"\n"), (LINE_COUNT - 1) // STEP + (row == WORDS)
    if count != there:
        raise Trouble(f"{row.key}: {count} lines found of {there}")
    return output.took_s
