"""How systemd and cron read what `tsm startup` prints."""

from __future__ import annotations

import re

_UNIT = re.compile(r"^# (?:/\S*/)?(\S+\.(?:service|timer))$")
_ESCAPES = {"n": "\n", "t": "\t", "s": " ", "\\": "\\", '"': '"', "'": "'"}
# What a shell expands or removes; cron hands the rest of the line to one.
_SCHEDULE = re.compile(r"(@reboot|(?:\S+\s+){4}\S+)\s+(.*)")


def units(printed: str) -> dict[str, str]:
    """The units in the output of `tsm startup systemd`, by file name."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in printed.splitlines(keepends=True):
        head = _UNIT.match(line.rstrip())
        if head is not None:
            name = head[1]
        found.setdefault(name, []).extend([] if head is not None else [line])
    return {unit: "".join(lines) for unit, lines in found.items()}


def setting(unit: str, key: str) -> list[str]:
    """The values of a key, in order."""
    return [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]


def words(value: str) -> list[str]:
    """The items of a value, as systemd.syntax(7) and systemd.unit(5) have it."""
    found = [""]
    quote, started, rest = "", False, value
    while rest:
        sign, rest = rest[0], rest[1:]
        if sign == "\\":
            found[-1] += _ESCAPES[rest[0]]
            rest, started = rest[1:], True
        elif quote:
            quote, found[-1] = ("", found[-1]) if sign == quote else (quote, found[-1] + sign)
        elif sign in "\"'" and not found[-1]:
            quote, started = sign, True
        elif sign in " \t":
            found += [""] if started else []
            started = False
        else:
            found[-1] += sign
            started = True
    assert not quote, value
    return [_specified(word) for word in found if word]


def command(unit: str) -> tuple[dict[str, str], list[str]]:
    """The environment that a service sets, and the argv that it executes."""
    pairs = [word.partition("=") for value in setting(unit, "Environment") for word in words(value)]
    (line,) = setting(unit, "ExecStart")
    program, *arguments = words(line)
    # systemd.service(5): `$$` is a dollar sign in the arguments; the program is taken as it is.
    assert not any(re.search(r"(?<!\$)(\$\$)*\$(?!\$)", word) for word in arguments), line
    argv = [program, *(word.replace("$$", "$") for word in arguments)]
    return {key: value for key, _, value in pairs}, argv


def _specified(word: str) -> str:
    assert not re.search(r"(?<!%)(%%)*%(?!%)", word), word
    return word.replace("%%", "%")


def cron_command(line: str) -> tuple[str, str]:
    """The schedule of a line of a crontab(5), and what the shell gets to run."""
    found = _SCHEDULE.fullmatch(line)
    assert found is not None, line
    text = re.sub(r"\\([%\\])", lambda escaped: f"\0{escaped[1]}", found[2])
    before = re.split(r"(?<!\0)%", text)[0]  # what follows is standard input
    return found[1], before.replace("\0", "")
