"""What no peer can beat on this machine: the start of an interpreter, a bare system tool."""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING

from lab.measure import piped
from lab.site import Command

if TYPE_CHECKING:
    from lab.rounds import Lab

NOBODY = "nobody"


def floor(lab: Lab, rounds: int, **more: Command) -> dict[str, float]:
    """Answer medians of `python -c pass`, of `tsm --version` if it is there, and of `more`."""
    bin_dir = lab.site.install_dir("tsm") / "bin"
    python, tsm = bin_dir / "python", bin_dir / "tsm"
    commands = {
        "python -c pass": plain(
            lab, str(python if python.exists() else sys.executable), "-c", "pass"
        )
    }
    if tsm.exists():
        commands["tsm --version"] = plain(lab, str(tsm), "--version")
    commands |= more
    samples: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            samples[name].append(piped(command).took_s)
    return {name: statistics.median(taken) for name, taken in samples.items()}


def plain(lab: Lab, *argv: str) -> Command:
    """Answer a command that belongs to no peer, in the same environment."""
    return Command(argv, lab.site.env(NOBODY), lab.site.scratch)
