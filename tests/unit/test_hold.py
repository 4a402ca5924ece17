"""Holding several processes: in order, and with one time-out for all."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn

from tsm.errors import Busy
from tsm.patrol import guard, hold
from tsm.spec import Spec
from tsm.store import definitions, lock

if TYPE_CHECKING:
    import pytest

    from tsm.store.home import Home

NAMES = ("d", "a", "c", "b")


class Waits:
    """Locks that others hold, and a clock that only waiting for them moves on."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.by_name: dict[str, float] = {}

    def wait(self, _home: Home, name: str, timeout_s: float) -> NoReturn:
        self.by_name[name] = timeout_s
        self.now_s += timeout_s
        raise Busy(name)


def test_time_out_is_for_all_together(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits()
    monkeypatch.setattr(guard, "take", waits.wait)
    monkeypatch.setattr(hold, "time", SimpleNamespace(monotonic=lambda: waits.now_s), raising=False)
    with hold.held_all(place, NAMES, 60.0) as held:
        assert [str(one) for one in held.problems] == sorted(NAMES)
    assert list(waits.by_name) == sorted(NAMES)
    first_s, *later_s = waits.by_name.values()
    assert first_s == 60
    assert all(1 < one < 2 for one in later_s)  # enough to end a patrol that hangs


def test_none_that_is_free_is_missed_after_the_time_out(place: Home) -> None:
    for name in NAMES:
        definitions.create(place, Spec(name, ("true",), "true", place.root), {})
    with ExitStack() as others:
        for name in "ac":
            others.enter_context(lock.held(place, name, 0.0))
        with hold.held_all(place, NAMES, 0.1) as held:
            assert [str(one).partition(":")[0] for one in held.problems] == ["a", "c"]
            assert list(held.processes) == ["b", "d"]
