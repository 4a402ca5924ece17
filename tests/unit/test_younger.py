"""Who may be younger, told by numbers that ascend and begin anew."""

from __future__ import annotations

import os
import subprocess

import pytest

from tsm.osproc import table, younger

PIDS = [1, 300, 500, 9000, 32000, 32700]


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A kernel with 32768 numbers that has given `last`, after `made` tasks."""
    known = {"last": 9000, "made": 16383, "now": 1000}
    monkeypatch.setattr(younger, "_pid_max", lambda: 32768)
    monkeypatch.setattr(younger, "last_pid", lambda: known["last"])
    monkeypatch.setattr(younger, "_tasks_made", lambda: known["made"])
    monkeypatch.setattr(younger, "_now_s", lambda: known["now"])
    tasks = younger.Tasks()
    monkeypatch.setattr(younger, "tasks_made", tasks.made)
    return known


@pytest.mark.parametrize(
    ("firsts", "last", "left"),
    [
        ([500], 9000, [500, 9000]),
        ([600], 9000, [9000]),
        ([9000, 500], 9000, [500, 9000]),
        ([32000], 400, [1, 300, 32000, 32700]),
        ([32700, 300], 500, [1, 300, 500, 32700]),  # the older has the higher number
        ([300, 32700], 500, [1, 300, 500, 32700]),
    ],
)
def test_only_numbers_given_since_are_left(
    numbers: dict[str, int], firsts: list[int], last: int, left: list[int]
) -> None:
    numbers["last"] = last
    assert list(younger.narrowed(PIDS, firsts, 0)) == left


def test_all_are_left_once_half_of_the_numbers_may_have_been_given(
    numbers: dict[str, int],
) -> None:
    numbers["made"] = 16384
    assert list(younger.narrowed(PIDS, [9000], 0)) == PIDS


def test_whose_birth_was_counted_is_known_to_have_few_after_it(numbers: dict[str, int]) -> None:
    numbers["made"] = 1_000_100
    assert list(younger.narrowed(PIDS, [9000], 0)) == PIDS
    assert list(younger.narrowed(PIDS, [9000], 1_000_000)) == [9000]


@pytest.mark.parametrize(
    ("last", "given", "born"),
    [
        (9000, [9000], []),
        (9000, [9002, 9002], [9001, 9002]),
        (9000, [9001, 9003, 9003], [9001, 9002, 9003]),
        (32766, [1, 1], [32767, 0, 1]),
    ],
)
def test_who_is_born_while_others_are_looked_at_is_told(
    monkeypatch: pytest.MonkeyPatch, last: int, given: list[int], born: list[int]
) -> None:
    monkeypatch.setattr(younger, "_pid_max", lambda: 32768)
    monkeypatch.setattr(younger, "last_pid", lambda: given.pop(0))
    assert list(younger.born_since(last)) == born


def test_where_somebody_is_born_all_the_time_there_is_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = iter(range(1, 100_000))
    monkeypatch.setattr(younger, "last_pid", lambda: next(numbers))
    assert len(list(younger.born_since(0))) < 1000


def test_the_count_is_read_again_after_a_second(numbers: dict[str, int]) -> None:
    tasks = younger.Tasks()
    assert tasks.made() == 16383
    numbers["made"] = 20000
    assert tasks.made() == 16383
    numbers["now"] += 1
    assert tasks.made() == 20000


def test_a_child_is_among_those_who_are_no_older_than_its_parent() -> None:
    boot = table.boot_id()
    me = table.identity(os.getpid(), boot)
    assert me is not None
    with subprocess.Popen(["sleep", "1000"]) as child:
        try:
            found = {row.pid: row.ticks for row in table.processes([me])}
            own = table.identity(child.pid, boot)
            assert own is not None
            assert found[child.pid] == own.ticks
            assert os.getpid() in found
            assert 1 not in {row.pid for row in table.processes([own])}
        finally:
            child.kill()
