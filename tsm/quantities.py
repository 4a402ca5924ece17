"""Numbers, times and sizes as people write them."""

from __future__ import annotations

import re

_TIME_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_DIGITS = 15  # more make no number that means anything here
_SIZE = r"([0-9]{1,15}(?:\.[0-9]+)?)\s*([kmgt]?)i?b?"


def seconds(text: str) -> float:
    """A number of seconds, or with a unit: `1.5`, `500ms`, `10s`, `5m`, `2h`, `1d`."""
    for unit, factor in _TIME_UNITS.items():
        number = text.removesuffix(unit)
        if number != text and is_number(number):
            return float(number) * factor
    if not is_number(text):
        message = f"{text!r}: not a time: give seconds, or a number with ms, s, m, h or d"
        raise ValueError(message)
    return float(text)


def size(text: str) -> int:
    """A number of bytes, or with a unit: `200M`, `1.5G`, `512k`, each 1024 times the next."""
    found = re.fullmatch(_SIZE, text.strip(), re.IGNORECASE)
    if found is None:
        message = f"{text!r}: not a size, such as 200M"
        raise ValueError(message)
    return int(float(found[1]) * _SIZE_UNITS[found[2].lower()])


def whole(text: str) -> int:
    """A number from 0 on."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        message = f"{text!r}: not a number, such as 3"
        raise ValueError(message)
    return int(text)


def counted(number: int, noun: str, ending: str = "s") -> str:
    """So many of them: `1 run`, `2 runs`."""
    return f"{number} {noun}{ending if number != 1 else ''}"


def is_number(text: str) -> bool:
    """Whether it is a number that is not negative, perhaps with a decimal point."""
    whole_part, _, part = text.partition(".")
    return (whole_part + part).isascii() and (whole_part + part).isdecimal()
