"""Positions stay true though others write, note and rotate at the same moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rotating import DAY
from tsm.store import log_index, logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rotating import Log

pytestmark = pytest.mark.parametrize("log", ["memory"], indirect=True)


def positions(log: Log) -> list[int]:
    return [one.position for one in log_index.marks(f"{log.current}.idx")]


def note(log: Log) -> None:
    log_index.noted(log.home, "web", "out", 1.0)


def once_the_size_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, *, before: bool, act: Callable[[], object]
) -> None:
    """Have something happen just before or just after that, the first time."""
    size, acts = logs.size, [act]

    def asked(*args: str) -> int:
        first = acts.pop() if acts else lambda: None
        if before:
            first()
        answer = size(*args)  # type: ignore[arg-type]
        if not before:
            first()
        return answer

    monkeypatch.setattr(logs, "size", asked)


def test_how_far_a_log_has_come_is_noted_when_it_has_grown(log: Log) -> None:
    note(log)
    assert positions(log) == []
    log.append(b"one\n")
    note(log)
    note(log)
    log.append(b"two\n")
    note(log)
    assert positions(log) == [0, 4, 8]


@pytest.mark.parametrize("before", [False, True])
def test_a_rotation_just_then_makes_no_position_that_never_was(
    log: Log, monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    log.append(b"one\ntwo\nand")
    once_the_size_is_asked_for(monkeypatch, before=before, act=log.rotate)
    note(log)
    assert positions(log) == [8, 11]
    assert log_index.lost(log.home, "web", "out") == 0


@pytest.mark.parametrize("before", [False, True])
def test_a_log_that_grows_just_then_was_not_emptied(
    log: Log, monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    log.append(b"one\n")
    note(log)

    def grow() -> None:
        log.append(b"two\n")
        note(log)

    once_the_size_is_asked_for(monkeypatch, before=before, act=grow)
    assert log_index.lost(log.home, "web", "out") == 0
    log.current.write_bytes(b"")
    assert log_index.lost(log.home, "web", "out") == 8


def test_positions_go_on_where_they_were_when_a_log_was_emptied(log: Log) -> None:
    log.append(b"one\ntwo\n")
    note(log)
    log.rotate()
    log.append(b"three\n")
    note(log)
    log.current.write_bytes(b"")
    log_index.restart(f"{log.current}.idx", 2.0)
    log.append(b"4\n")
    note(log)
    assert positions(log) == [14, 16]
    (done,) = log.rotate().pieces
    assert done.file == f"{DAY}-01.out"
    assert [one.position for one in log_index.marks(str(log.folder / f"{done.file}.idx"))] == [
        14,
        16,
    ]
