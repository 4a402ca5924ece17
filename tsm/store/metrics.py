"""The samples: what each process used at a time, one JSON line each, in the file of its day."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

from tsm.store.atomic import append, listed
from tsm.store.journal import lines_without, tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import Any

    from tsm.store.home import Home

_DAY_S = 86400
_TAIL_BYTES = 1 << 20


def record(home: Home, now_s: float, rows: Sequence[Mapping[str, object]]) -> None:
    """Add the samples of one moment, with one write. Needs no lock. Raises OSError.

    Of the folders only the last is made: a home that was removed does not come back.
    """
    lines = b"".join(
        json.dumps({"time": round(now_s, 3), **row}, separators=(",", ":")).encode("ascii") + b"\n"
        for row in rows
    )
    if not lines:
        return
    path = _day_file(home, now_s)
    try:
        append(path, lines)
    except FileNotFoundError:
        os.mkdir(home.metrics, 0o700)
        append(path, lines)


def prune(home: Home, now_s: float, days: int) -> list[str]:
    """Remove the files of all days but the last `days`, today among them; what was removed."""
    first = _day_file(home, now_s - _DAY_S * (days - 1))
    old = [path for path in day_files(home) if path < first]
    for path in old:
        os.unlink(path)
    return old


def day_files(home: Home, since_s: float = 0.0) -> list[str]:
    """The files of the days since then, oldest first; a day is one of UTC."""
    names = listed(home.metrics)
    first = os.path.basename(_day_file(home, max(0.0, since_s)))
    return sorted(
        f"{home.metrics}/{name}" for name in names if name.endswith(".jsonl") and name >= first
    )


def last_s(home: Home) -> float | None:
    """When a sample was last added; None if there is none."""
    files = day_files(home)
    try:
        return os.stat(files[-1]).st_mtime if files else None
    except FileNotFoundError:
        return None


def samples(
    home: Home, since_s: float, names: Collection[str] | None = None
) -> Iterator[dict[str, Any]]:
    """The samples of some processes (all, for None) since then, as they were written.

    A line that holds no sample (torn by a crash) is passed over.
    """
    import orjson  # its import is dear, its parsing is not

    marks = None if names is None else [f'"{name}"'.encode() for name in names]
    for path in day_files(home, since_s):
        with suppress(FileNotFoundError), open(path, "rb") as file:  # pruned just now
            for line in file:
                if marks is not None and not any(mark in line for mark in marks):
                    continue  # a tenth of what parsing takes
                try:
                    row = orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
                if is_sample(row) and row["time"] >= since_s and _named(row["name"], names):
                    yield row


def last(home: Home, name: str, since_s: float, until_s: float) -> dict[str, Any] | None:
    """The last sample of a process within a span of time, without its name; None if there is none.

    Only the end of the newest file is looked at: the samples of a moment stand together.
    """
    mark = f'"{name}"'.encode()
    for path in day_files(home)[-1:]:
        for line in reversed(tail(path, _TAIL_BYTES).split(b"\n")):
            row = _parsed(line) if mark in line else None
            if row is not None and row["name"] == name and row["time"] <= until_s:
                del row["name"]
                return row if row["time"] >= since_s else None
    return None


def unreadable_lines(path: str) -> list[int]:
    """The numbers, from 1, of the lines that hold no sample."""
    return lines_without(path, is_sample)


def is_sample(value: object) -> bool:
    """Whether the value of a line is a sample: a time, a name, and numbers or null."""
    match value:
        case {
            "time": int() | float(),
            "name": str(),
            "cpu": int() | float() | None,
            "mem": int() | None,
        }:
            return True
        case _:
            return False


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The sample in a line; None if there is none, or only a torn one."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if is_sample(value) else None


def _named(name: str, names: Collection[str] | None) -> bool:
    return names is None or name in names


def _day_file(home: Home, time_s: float) -> str:
    return f"{home.metrics}/{time.strftime('%Y-%m-%d', time.gmtime(time_s))}.jsonl"
