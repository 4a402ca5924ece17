"""How severe a line of a log is, by the forms in which programs say so."""

from __future__ import annotations

import re
from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LEVELS = ("trace", "debug", "info", "notice", "warn", "error", "fatal")  # rising
_ALIASES = {
    "verbose": "trace",
    "dbg": "debug",
    "information": "info",
    "warning": "warn",
    "wrn": "warn",
    "err": "error",
    "severe": "error",
    "crit": "fatal",
    "critical": "fatal",
    "panic": "fatal",
    "alert": "fatal",
    "emerg": "fatal",
    "emergency": "fatal",
    **{level: level for level in LEVELS},
    **{level[0]: level for level in ("info", "warn", "error", "fatal")},  # glog: E1129 12:00:00
}
_KEYS = ("level", "severity", "lvl", "loglevel", "log.level", "levelname")
_NUMBERS = dict(zip((10, 20, 30, 40, 50, 60), (*LEVELS[:3], *LEVELS[4:]), strict=True))  # pino
_HEAD_BYTES = 200  # what comes later is not said of the line
_WORD = "|".join(sorted((word for word in _ALIASES if len(word) > 1), key=len, reverse=True))
_SGR = rb"\x1b\[[0-9;]*m"


@cache  # dear, and for few
def _forms() -> re.Pattern[bytes]:
    return re.compile(
        rf"(?:level|severity|lvl)=\"?(?P<logfmt>(?i:{_WORD}))\b"
        rf"|[\[(<](?:\w+:)?\s*(?P<boxed>(?i:{_WORD}))\s*[\])>]"
        rf"|(?:^|[\s|])(?P<colon>(?i:{_WORD})):"
        rf"|(?<![\w./-])(?P<upper>{_WORD.upper()})(?![\w./-])"
        r"|^(?P<glog>[IWEF])\d{4} \d\d:"
        r"|(?:^|\s)[\w.]*(?P<type>Error|Exception)(?::|$)".encode("ascii")
    )


def fields(line: bytes) -> dict[str, object] | None:
    """What a line says that is a JSON object; None if it is none."""
    if not line.lstrip().startswith(b"{"):
        return None
    import json

    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def level_of(line: bytes, found: Mapping[str, object] | None) -> str | None:
    """One of LEVELS for a line, whose `fields` are given; None where it says none."""
    if found is not None:
        return next((_named(found[key]) for key in _KEYS if key in found), None)
    head = line[:_HEAD_BYTES]
    match = _forms().search(re.sub(_SGR, b"", head) if b"\x1b" in head else head)
    if match is None or match.lastgroup is None:
        return None
    return "error" if match.lastgroup == "type" else _named(match[match.lastgroup].decode("ascii"))


def at_least(level: str) -> Callable[[bytes], bool]:
    """What tells whether a line says that it is as severe as `level`, or more so."""
    enough = frozenset(LEVELS[LEVELS.index(level) :])
    return lambda line: level_of(line, fields(line)) in enough


def _named(value: object) -> str | None:
    if isinstance(value, str):
        return _ALIASES.get(value.lower())
    if isinstance(value, int) and not isinstance(value, bool):
        return _NUMBERS.get(value)
    return None
