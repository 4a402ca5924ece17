"""Acts that may have to wait are done side by side, and none of them is lost."""

from __future__ import annotations

from threading import Barrier, Lock, get_ident
from typing import TYPE_CHECKING

import pytest

from tsm.errors import Failed, Refused
from tsm.patrol.side_by_side import AT_ONCE, outcomes

if TYPE_CHECKING:
    from collections.abc import Callable


def raising(error: Exception) -> Callable[[], int]:
    def act() -> int:
        raise error

    return act


def test_so_many_go_on_at_once_and_no_more() -> None:
    meeting, guard, here, most = Barrier(AT_ONCE), Lock(), set[int](), set[int]()

    def met() -> int:
        with guard:
            here.add(get_ident())
            most.add(len(here))
        place = meeting.wait(60)
        with guard:
            here.remove(get_ident())
        meeting.wait(60)
        return place

    assert sorted(map(str, outcomes([met] * 3 * AT_ONCE))) == sorted(
        str(place) for place in range(AT_ONCE) for _ in range(3)
    )
    assert max(most) == AT_ONCE


@pytest.mark.parametrize("more", [0, 1])
def test_what_fails_is_told_in_its_place_and_keeps_no_other(more: int) -> None:
    acts = [raising(Failed("web: no")), *[lambda: 1] * more]
    found = list(outcomes(acts))
    assert sorted(map(str, found)) == ["1"] * more + ["web: no"]
    disk = OSError(28, "No space left on device", "/srv")
    (problem,) = [one for one in outcomes([raising(disk), *[lambda: 1] * more]) if one != 1]
    assert isinstance(problem, Refused)
    assert str(problem) == "/srv: No space left on device"


@pytest.mark.parametrize("more", [0, 1])
def test_a_fault_of_tsm_is_no_outcome(more: int) -> None:
    with pytest.raises(ZeroDivisionError):
        list(outcomes([raising(ZeroDivisionError()), *[lambda: 1] * more]))


def test_without_threads_they_are_done_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_thread: object) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    monkeypatch.setattr("threading.Thread.start", none)
    assert list(outcomes([get_ident] * 3)) == [get_ident()] * 3
