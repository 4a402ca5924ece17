"""Arguments that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from argparse import ArgumentTypeError

from tsm.errors import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_output(parser: ArgumentParser) -> None:
    """`--json` and `--table`, which decide what the kind of standard output would."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--json", action="store_true", help="one JSON object a line")
    group.add_argument("--table", action="store_true", help="text for people")


def add_names(parser: ArgumentParser, *, least: str = "+") -> None:
    """The processes to act on; `least` is how many, as argparse has it."""
    parser.add_argument(
        "names",
        nargs=least,
        metavar="NAME",
        help="a name, with or without its port, an id, a glob, or `all`",
    )


def seconds(text: str) -> float:
    """A number of seconds, or with a unit: `1.5`, `500ms`, `10s`, `5m`, `2h`, `1d`."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    for unit, factor in units.items():
        number = text.removesuffix(unit)
        if number != text and _is_number(number):
            return float(number) * factor
    if not _is_number(text):
        message = f"{text!r}: not a time: give seconds, or a number with ms, s, m, h or d"
        raise ArgumentTypeError(message)
    return float(text)


def moment(text: str, now_s: float) -> float:
    """Seconds since the epoch of `10m` (so long ago), `2026-11-20` or `2026-11-20T12:30`.

    A date without a zone is one of UTC, like the journal's. Raises Usage.
    """
    try:
        return now_s - seconds(text)
    except ArgumentTypeError:
        pass
    from datetime import UTC, datetime

    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r}: not a time: give 10m, 2h, 1d, or a date such as 2026-11-20T12:30"
        raise Usage(message) from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _is_number(text: str) -> bool:
    whole, _, part = text.partition(".")
    return (whole + part).isdecimal()
