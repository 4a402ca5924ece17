"""What is measured, in the order of the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rows import crash, fleet, freeze, grep, log_cost, ls, memory, rotated, start, tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab.rounds import Lab
    from lab.table import Measured, Row


@dataclass(frozen=True, slots=True)
class Experiment:
    """One set-up that yields one row or more."""

    rows: Sequence[Row]
    run: Callable[[Lab], list[Measured]]


EXPERIMENTS = tuple(
    Experiment(module.ROWS, module.run)
    for module in (ls, start, fleet, crash, memory, log_cost, rotated, freeze, tail, grep)
)
ROWS = {row.key: row for experiment in EXPERIMENTS for row in experiment.rows}
GROUPS = {
    "logs": [row.key for module in (log_cost, rotated, freeze, tail, grep) for row in module.ROWS],
}


def keys(words: Sequence[str]) -> list[str]:
    """Answer the rows that are meant by the names of rows and groups; all by none."""
    named = [key for word in words for key in GROUPS.get(word, [word])]
    return [key for key in ROWS if key in named or not words]
