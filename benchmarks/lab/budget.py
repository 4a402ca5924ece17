"""Budgets (DESIGN.md 10), and whether a row's figures keep them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class AtMost:
    """tsm's figure is at most `limit`, in the row's unit of measure (seconds or bytes)."""

    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class RatioTo:
    """tsm's figure is at most `ratio` times that of `peer`."""

    peer: str
    ratio: float

    @property
    def text(self) -> str:
        """Answer the budget in the words of the table."""
        return f"<= {self.ratio:g} x {self.peer}"


@dataclass(frozen=True, slots=True)
class Beyond:
    """tsm's figure is at most `limit` above the figure called `floor`."""

    floor: str
    limit: float
    text: str


Budget = AtMost | RatioTo | Beyond


def met(budget: Budget | None, figures: Mapping[str, float]) -> bool | None:
    """Answer whether `figures` keep `budget`; None when there is none or a figure is missing."""
    tsm = figures.get("tsm")
    if budget is None or tsm is None:
        return None
    match budget:
        case AtMost(limit=limit):
            return tsm <= limit
        case RatioTo(peer=peer, ratio=ratio):
            return tsm <= ratio * figures[peer] if peer in figures else None
        case Beyond(floor=floor, limit=limit):
            return tsm <= figures[floor] + limit if floor in figures else None
    assert_never(budget)
