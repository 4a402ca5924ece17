"""The journal: every lifecycle event, one JSON line in the day's file and in the process's own."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress

from tsm.store.atomic import append, listed, remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from tsm.store.home import Home

_TAIL_BYTES = 65536
_DAY_S = 86400
_LOST = ".lost"


def record(home: Home, name: str, event: str, facts: Mapping[str, object]) -> None:
    """Add an event. The caller holds the lock of the process."""
    with suppress(OSError):
        _tell_lost(home, name)
    _add(home, name, event, facts)


def record_if_possible(home: Home, name: str, event: str, facts: Mapping[str, object]) -> None:
    """Add an event that nothing is to fail for; one that cannot be written is counted."""
    try:
        record(home, name, event, facts)
    except OSError:
        with suppress(OSError):
            _count_lost(home, name)


def record_once(home: Home, name: str, event: str, facts: Mapping[str, object]) -> bool:
    """Add an event of the run `facts["run"]`; False if a command was killed after adding it.

    An end, which has a code, is one whatever it is called: a stop may come after the kill.

    The history is written first: it is short since the run began, so that is where to look.
    Where one of the two files has the event and the other has not, that one is given it.
    """
    history = history_file(home, name)
    line = _line_of(tail(history), event, facts)
    if line is not None:
        day = _day_file(home, _parsed(line)["time"])
        append(history, b"")  # ends it, where but the newline was torn off
        append(day, b"" if line in _lines(day) else line + b"\n")
        return False
    line = _line_of(tail(_day_file(home, time.time())), event, facts)
    if line is not None:
        append(history, line + b"\n")
        return False
    record(home, name, event, facts)
    return True


def history_file(home: Home, name: str) -> str:
    """The whole life of one process. It outlives a delete."""
    return f"{home.history}/{name}.jsonl"


def day_files(home: Home, since_s: float = 0.0) -> list[str]:
    """The files of all events since then, oldest first; a day is one of UTC.

    That of the day before is among them: a clock may have been set.
    """
    names = listed(home.events)
    first = os.path.basename(_day_file(home, since_s - _DAY_S)) if since_s > _DAY_S else ""
    days = (name for name in names if name.endswith(".jsonl") and name >= first)
    return sorted(f"{home.events}/{name}" for name in days)


def history_files(home: Home) -> list[str]:
    """The histories of all processes that ever were, sorted by name."""
    names = listed(home.history)
    return sorted(f"{home.history}/{name}" for name in names if name.endswith(".jsonl"))


def lost(home: Home) -> dict[str, int]:
    """How many events could not be written and were not told of since, by the files that say so."""
    paths = (f"{home.history}/{name}" for name in listed(home.history) if name.endswith(_LOST))
    return {path: os.stat(path).st_size for path in sorted(paths)}


def unreadable_lines(path: str) -> list[int]:
    """The numbers, from 1, of the lines that hold no event."""
    return lines_without(path, _is_event)


def lines_without(path: str, wanted: Callable[[object], bool]) -> list[int]:
    """The numbers, from 1, of the lines that do not hold the JSON value that is wanted.

    An empty line is nobody's: two have ended the same torn line.
    """
    import orjson

    found = []
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if line == b"\n":
                continue
            try:
                fits = wanted(orjson.loads(line))
            except orjson.JSONDecodeError:
                fits = False
            if not fits:
                found.append(number)
    return found


def events(path: str, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """The events of a file from `offset` on, each with the offset that follows it.

    A line that does not parse (torn by a crash) is passed over; an unfinished last line is
    left for later.
    """
    import orjson  # its import is dear, its parsing is not

    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below, also when the reader stops early
    except FileNotFoundError:
        return
    with file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            try:
                event = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if _is_event(event):
                yield event, offset


def last_events(path: str) -> list[dict[str, Any]]:
    """The last events of a file, oldest first: those within its last 64 KiB."""
    return [event for event in map(_parsed, tail(path).split(b"\n")) if event]


def tail(path: str, size_bytes: int = _TAIL_BYTES) -> bytes:
    """The last bytes of a file; the first line and the last may be torn. None without a file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        size = os.fstat(fd).st_size
        return os.pread(fd, size_bytes, max(0, size - size_bytes))
    finally:
        os.close(fd)


def _add(home: Home, name: str, event: str, facts: Mapping[str, object]) -> None:
    now_s = round(time.time(), 3)
    values = {"time": now_s, "event": event, "name": name, **facts}
    line = json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"
    append(history_file(home, name), line)
    append(_day_file(home, now_s), line)


def _count_lost(home: Home, name: str) -> None:
    fd = os.open(_lost_file(home, name), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(fd, os.fstat(fd).st_size + 1)
    finally:
        os.close(fd)


def _tell_lost(home: Home, name: str) -> None:
    """Add how many events could not be written, if there are any."""
    path = _lost_file(home, name)
    if os.path.exists(path):
        _add(home, name, "events-lost", {"count": os.stat(path).st_size})
        remove(path)


def _lost_file(home: Home, name: str) -> str:
    """It has no blocks, so that it can be made on a full disk: its size is the number."""
    return f"{home.history}/{name}{_LOST}"


def _day_file(home: Home, time_s: float) -> str:
    return f"{home.events}/{time.strftime('%Y-%m-%d', time.gmtime(time_s))}.jsonl"


def _line_of(tail: bytes, event: str, facts: Mapping[str, object]) -> bytes | None:
    """The line that tells of that event of that run."""
    run = facts["run"]
    mark = f'"run":"{run}"'.encode("ascii")
    at = tail.find(mark)
    while at >= 0:
        begin, end = tail.rfind(b"\n", 0, at) + 1, tail.find(b"\n", at)
        line = tail[begin:] if end < 0 else tail[begin:end]
        found = _parsed(line)
        same = found.get("event") == event or ("code" in found and "code" in facts)
        if same and found.get("run") == run:
            return line
        at = tail.find(mark, begin + len(line))
    return None


def _parsed(line: bytes) -> dict[str, Any]:
    """The event in a line; empty if there is none, or only a torn one."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if _is_event(value) else {}


def _is_event(value: object) -> bool:
    match value:
        case {"time": int() | float(), "event": str(), "name": str()}:
            return True
        case _:
            return False


def _lines(path: str) -> list[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read().split(b"\n")
    except FileNotFoundError:
        return []
