"""One row of the table of settings, and rows of common kinds."""

from __future__ import annotations

from tsm.policy import values
from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Setting(Record):
    """One thing that a user may set for a process."""

    key: str  # the option without its dashes, and the key of `set`
    field: str  # where it stands in the definition: `part.field`, or `field`
    read: Callable[[str], object]  # from text to a value; ValueError says what would do
    metavar: str
    help: str
    problem: Callable[[object], str | None] = values.nothing  # what is wrong with a value
    gather: Callable[[Sequence[str]], object] | None = None  # of an option given several times
    next_run: bool = False  # a change takes effect with the next run


def duration(key: str, field: str, text: str) -> Setting:
    """A time, perhaps none at all."""
    return Setting(
        key, field, values.seconds, "TIME", text, values.within(0, 86400, " s, such as 30s")
    )


def moment(key: str, field: str, text: str) -> Setting:
    """A time that is not nothing."""
    return Setting(
        key, field, values.seconds, "TIME", text, values.within(0.01, 86400, " s, such as 30s")
    )


def flag(key: str, field: str, text: str) -> Setting:
    """Yes or no."""
    return Setting(key, field, values.flag, "", text)


def choice(key: str, field: str, words: tuple[str, ...], text: str) -> Setting:
    """One of some words."""
    return Setting(key, field, str, "WHICH", text, values.one_of(words))
