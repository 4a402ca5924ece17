"""When a log is rotated, and which rotated files go."""

from __future__ import annotations

from tsm.quantities import counted
from tsm.record import Record
from tsm.spec import ROTATIONS, is_rotation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.model import LogFile
    from tsm.spec import Logs


class Rule(Record):
    """What holds for the logs of one process, every part of it settled."""

    size_bytes: int = 10 << 20
    rotate: str = "size"
    keep: int = 30
    age_s: float | None = None
    total_bytes: int | None = None
    compress: str = "none"


def settled(own: Logs, common: Logs) -> Rule:
    """The rule of a process: its own settings, over those for all, over what is usual."""
    chosen = {}
    for field in Rule.fields:
        given = (value for logs in (own, common) if (value := getattr(logs, field)) is not None)
        chosen[field] = next(given, Rule.defaults[field])
    return Rule(**chosen)


def due(rule: Rule, size: int, begun_s: float, now_s: float) -> str:
    """Why a current file is to be rotated now; empty if it is not.

    `begun_s` is when it was begun. A clock that was set back rotates nothing.
    """
    if size >= rule.size_bytes:
        return "size"
    if size and begun_s < _turn_before(rule.rotate, now_s):
        return rule.rotate.partition("@")[0]
    return ""


def _turn_before(rotate: str, now_s: float) -> float:
    """The last time, until now, at which the clock of the machine said that it is to be done."""
    word, _, hour = rotate.partition("@")
    if word == "size":
        return float("-inf")
    from datetime import datetime, timedelta  # dear, and for few

    now = datetime.fromtimestamp(now_s)  # noqa: DTZ006 - by the clock on the wall
    turn = now.replace(minute=0, second=0, microsecond=0)
    if word == "daily":
        turn = turn.replace(hour=int(hour or 0))
        turn -= timedelta(days=turn > now)
    return turn.timestamp()


def may_expire(rule: Rule, names: Sequence[str]) -> bool:
    """Whether any of the rotated files of those names may have to go: else nobody need look."""
    return (
        rule.age_s is not None
        or rule.total_bytes is not None
        or any(sum(f".{stream}" in name for name in names) > rule.keep for stream in ("out", "err"))
    )


def expired(rule: Rule, files: Sequence[LogFile], now_s: float) -> list[tuple[LogFile, str]]:
    """Which of the rotated files of a process, oldest first, are to go, and why."""
    gone: dict[str, tuple[LogFile, str]] = {}
    for stream in sorted({one.stream for one in files}):
        own = [one for one in files if one.stream == stream]
        for one in own[: max(0, len(own) - rule.keep)]:
            gone[one.path] = (one, f"more than {counted(rule.keep, 'file')}")
    for one in files:
        if rule.age_s is not None and now_s - one.time_s > rule.age_s:
            gone.setdefault(one.path, (one, "too old"))
    if rule.total_bytes is not None:
        left = [one for one in files if one.path not in gone]
        for one in excess(left, rule.total_bytes):
            gone[one.path] = (one, f"more than {rule.total_bytes} bytes together")
    return list(gone.values())


def excess(files: Sequence[LogFile], most_bytes: int) -> list[LogFile]:
    """Those that have to go, the oldest first, so that the others have no more bytes together."""
    total = sum(one.size for one in files)
    gone = []
    for one in sorted(files, key=lambda one: one.time_s):
        if total <= most_bytes:
            break
        gone.append(one)
        total -= one.size
    return gone


def problem(value: object) -> str | None:
    """What is wrong with when logs are rotated."""
    fine = is_rotation(str(value))
    return None if fine else f"{value!r}: not one of {', '.join(ROTATIONS)}, or such as daily@4"
