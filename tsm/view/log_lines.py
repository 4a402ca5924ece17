"""Lines of logs, for people and for programs."""

from __future__ import annotations

from tsm.policy import levels
from tsm.record import Record
from tsm.view import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Find = Callable[[bytes, int], tuple[int, int] | None]

_COLOURS = {"warn": "33", "error": "31", "fatal": "1;31"}
_FOUND = "7"  # in reverse, which shows in any colour
_STAMP_LENGTH = 24


class LogLine(Record):
    """A line of a log, and where it is from."""

    name: str
    stream: str
    begin: int  # its position in the stream
    line: bytes
    time_s: float = 0.0  # by when it had arrived; 0 if nobody knows
    told: bool = True  # somebody saw it come, so that this is its time
    around: bool = False  # shown only for the sake of another


def as_json(one: LogLine) -> bytes:
    """An object: time, name, stream, line and level, and what else there is to be said."""
    import json

    found = levels.fields(one.line)
    values: dict[str, object] = {
        "time": one.time_s or None,
        "name": one.name,
        "stream": one.stream,
        "line": one.line.decode("utf-8", "replace"),
        "level": levels.level_of(one.line, found),
    }
    if not one.told:
        values["approximate"] = True
    if one.around:
        values["context"] = True
    data = values if found is None else {**values, "data": found}
    try:
        encoded = json.dumps(data, separators=(",", ":"), allow_nan=False)
    except ValueError:  # NaN and the like, which Python writes, and which are no JSON (RFC 8259)
        encoded = json.dumps(values, separators=(",", ":"))
    return encoded.encode("ascii") + b"\n"


def as_export(one: LogLine) -> bytes:
    """The line, with its time and where it is from in front."""
    return f"{_stamp(one)} {one.name} {one.stream} | ".encode("ascii") + one.line + b"\n"


class Look(Record):
    """How lines are shown to people."""

    colour: bool = False
    timestamps: bool = False
    named: bool = False  # each with the name of its process in front
    separate: bool = False  # with `--` where lines are left out
    highlight: bool = False
    find: Find | None = None  # what is to stand out then


class LinePrinter:
    """Lines for people: to the byte, and what they asked to have in front of them."""

    def __init__(self, names: Callable[[], Sequence[str]], look: Look) -> None:
        self._names = names  # of all processes whose lines there are
        self._look = look
        self._ends: dict[tuple[str, str], int] = {}  # of what was printed last of each log

    def __call__(self, one: LogLine) -> bytes:
        """What is printed for a line."""
        head = b"--\n" if self._look.separate and self._is_apart(one) else b""
        if self._look.named:
            names = self._names()
            width, place = max(map(len, names)), names.index(one.name)
            shown = text.prefix(one.name.ljust(width), place, colour=self._look.colour)
            head += f"{shown} | ".encode("ascii")
        if self._look.timestamps:
            head += _stamp(one).encode("ascii") + b" "
        return head + (self._painted(one.line) if self._look.highlight else one.line) + b"\n"

    def _is_apart(self, one: LogLine) -> bool:
        key = (one.name, one.stream)
        apart = bool(self._ends) and self._ends.get(key) != one.begin
        self._ends[key] = one.begin + len(one.line) + 1
        return apart

    def _painted(self, line: bytes) -> bytes:
        """The line in the colour of its level, and what is found in it in reverse."""
        code = _COLOURS.get(levels.level_of(line, levels.fields(line)) or "", "0")
        pieces: list[bytes] = []
        at = 0
        for begin, end in _spans(line, self._look.find):
            pieces += [_sgr(code, line[at:begin]), _sgr(f"{code};{_FOUND}", line[begin:end])]
            at = end
        return b"".join((*pieces, _sgr(code, line[at:])))


def _spans(line: bytes, find: Find | None) -> Iterator[tuple[int, int]]:
    at = 0
    while find is not None and (found := find(line, at)) is not None:
        begin, end = found
        if begin < end:
            yield found
        at = max(end, begin + 1)
        if at > len(line):
            return


def _sgr(code: str, data: bytes) -> bytes:
    return b"\x1b[%bm%b\x1b[0m" % (code.encode("ascii"), data) if data and code != "0" else data


def _stamp(one: LogLine) -> str:
    """The time in UTC, with `~` in front where all that is known is that it was not later."""
    shown = text.stamp(one.time_s) if one.time_s else "?"
    return (shown if one.told else f"~{shown}").ljust(_STAMP_LENGTH)
