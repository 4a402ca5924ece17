"""Arguments that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from argparse import ArgumentTypeError

from tsm.errors import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterable, Mapping

_EPOCH_S = 1e9  # an age of 30 years; as seconds since the epoch, a day of 2001
_SETTING = "setting "  # what the parser calls their values, so that they stand apart


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
    from tsm import quantities

    return _reading(quantities.seconds)(text)  # type: ignore[return-value]


def number(text: str) -> int:
    """A number from 0 on."""
    from tsm import quantities

    return _reading(quantities.whole)(text)  # type: ignore[return-value]


def _given(text: str) -> str:
    from tsm.policy import values

    what = values.text(text)
    if what is not None:
        raise ArgumentTypeError(what)
    return text


def add_definition(parser: ArgumentParser, *, named: bool = True) -> None:
    """What a process runs, and where; what is not given is absent."""
    add = parser.add_argument_group("the definition").add_argument
    if named:
        add("--name", help="the name; default: the script's stem, or the program's name")
    add(
        "--port",
        type=number,
        metavar="N",
        help="the port it listens on: sets PORT, and must be free",
    )
    add("--cwd", type=_given, metavar="DIR", help="the working directory; default: this one")
    add(
        "--interpreter",
        type=_given,
        metavar="PROGRAM",
        help="put this program in front of the command",
    )
    add("--env", action="append", metavar="K=V", help="set a variable; may be repeated")
    add("--env-file", type=_given, metavar="FILE", help="set what a .env file sets")
    add("--clean-env", action="store_true", help="do not pass the caller's environment on")


def add_settings(parser: ArgumentParser, keys: Iterable[str] | None = None) -> None:
    """An option for each of these settings, or for all of them; what is not given is absent."""
    from tsm.policy import values
    from tsm.policy.settings import SETTINGS

    add = parser.add_argument_group("settings of the process").add_argument
    for key in SETTINGS if keys is None else keys:
        one = SETTINGS[key]
        dest = f"{_SETTING}{key}"
        if one.read is values.flag:
            add(f"--{key}", dest=dest, action="store_const", const=True, help=one.help)
        elif one.gather is not None:
            add(f"--{key}", dest=dest, action="append", metavar=one.metavar, help=one.help)
        else:
            kind = _reading(one.read)
            add(f"--{key}", dest=dest, type=kind, metavar=one.metavar, help=one.help)


def settings_of(given: Mapping[str, object]) -> dict[str, object]:
    """The values of the settings that were given, by their keys. Raises Usage."""
    from tsm.policy.settings import SETTINGS

    found = {}
    for dest, value in given.items():
        key = dest.removeprefix(_SETTING)
        if key == dest:
            continue
        gather = SETTINGS[key].gather
        try:
            found[key] = value if gather is None else gather(value)  # type: ignore[arg-type]
        except ValueError as error:
            message = f"--{key} {error}"
            raise Usage(message) from None
    return found


def _reading(read: Callable[[str], object]) -> Callable[[str], object]:
    """`read`, with its complaint in the form that argparse shows."""

    def value(text: str) -> object:
        try:
            return read(text)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    return value


def moment(text: str, now_s: float) -> float:
    """Seconds since the epoch of `10m` (so long ago), `2026-11-20` or `2026-11-20T12:30`.

    A date without a zone is one of UTC, like the journal's; a number that is too large for an age
    is such seconds itself. Raises Usage.
    """
    try:
        age_s = seconds(text)
    except ArgumentTypeError:
        pass
    else:
        return age_s if text[-1].isdecimal() and age_s >= _EPOCH_S else now_s - age_s
    from datetime import UTC, datetime

    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r}: not a time: give 10m, 2h, 1d, or a date such as 2026-11-20T12:30"
        raise Usage(message) from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
