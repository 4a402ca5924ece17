"""Rows with their figures, as plain text or Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, assert_never

from lab.budget import met
from peers import PEERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.budget import Budget

Unit = Literal["ms", "s", "MB", "MB/s", "lines", "files"]
RISING = ("MB/s",)  # more is better
HEADER = (
    "work",
    "unit",
    *PEERS,
    "tsm / pm2",
    "tsm / best peer",
    "budget",
    "met",
)
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """What is measured: less is better, but for a unit that is RISING."""

    key: str
    title: str
    unit: Unit
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A row with one figure a peer, in seconds, bytes or pieces; `floor` holds what is no peer."""

    row: Row
    figures: Mapping[str, float]
    floor: Mapping[str, float]

    @property
    def met(self) -> bool | None:
        """Answer whether the budget is kept; None when that cannot be said."""
        return met(self.row.budget, {**self.floor, **self.figures})

    @property
    def to_pm2(self) -> float | None:
        """Answer tsm's figure as a multiple of pm2's."""
        return ratio(self.figures.get("tsm"), self.figures.get("pm2"))

    @property
    def to_best(self) -> float | None:
        """Answer tsm's figure as a multiple of the best peer's."""
        peers = [value for name, value in self.figures.items() if name != "tsm"]
        best = max if self.row.unit in RISING else min
        return ratio(self.figures.get("tsm"), best(peers, default=None))


def ratio(part: float | None, whole: float | None) -> float | None:
    """Answer part / whole; None when either is missing or the whole is too small to divide by."""
    return part / whole if part is not None and whole else None


def figure(value: float | None, unit: Unit) -> str:
    """Answer `value`, in seconds, bytes or pieces, as a number in `unit`, with three digits."""
    if value is None:
        return NOTHING
    match unit:
        case "ms":
            number = value * 1e3
        case "s":
            number = value
        case "MB" | "MB/s":
            number = value / 1e6
        case "lines" | "files":
            return f"{value:.0f}"
        case _:
            assert_never(unit)
    return f"{number:.{max(0, 3 - len(str(int(number))))}f}"


def cells(result: Measured) -> list[str]:
    """Answer the columns of one row."""
    row = result.row
    times = [NOTHING if r is None else f"{r:.2f}" for r in (result.to_pm2, result.to_best)]
    return [
        row.title,
        row.unit,
        *(figure(result.figures.get(peer), row.unit) for peer in PEERS),
        *times,
        row.budget.text if row.budget else NOTHING,
        {True: "yes", False: "NO", None: NOTHING}[result.met],
    ]


def floors(results: Sequence[Measured]) -> list[str]:
    """Answer one line a row that has figures of no peer, to compare with."""
    return [
        f"{result.row.key}: for comparison, "
        + ", ".join(
            f"{name} {figure(value, result.row.unit)}" for name, value in result.floor.items()
        )
        + f" {result.row.unit}"
        for result in results
        if result.floor
    ]


def as_text(results: Sequence[Measured], notes: Sequence[str]) -> str:
    """Answer the table for a terminal, the notes below it."""
    lines = [list(HEADER), *map(cells, results)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = [
        "  ".join(
            cell.ljust(width) if heading in ("work", "unit", "budget", "met") else cell.rjust(width)
            for cell, width, heading in zip(line, widths, HEADER, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join([*rows, "", *floors(results), *notes])


def as_markdown(results: Sequence[Measured], notes: Sequence[str]) -> str:
    """Answer the table as Markdown, the notes as a list below it."""
    left = ("work", "unit", "budget", "met")
    rule = ["---" if heading in left else "---:" for heading in HEADER]
    rows = map(markdown_row, [list(HEADER), rule, *map(cells, results)])
    return "\n".join([*rows, "", *(f"- {note}" for note in [*floors(results), *notes])])


def markdown_row(line: Sequence[str]) -> str:
    """Answer one line of a table in Markdown."""
    return f"| {' | '.join(line)} |"


def updated(text: str, results: Sequence[Measured]) -> str:
    """Answer a text in which each row that was measured again stands as it is now."""
    new = {result.row.title: markdown_row(cells(result)) for result in results}
    rows = (
        new.get(line.split(" | ")[0].removeprefix("| "), line) if line.startswith("| ") else line
        for line in text.split("\n")
    )
    return "\n".join(rows)
