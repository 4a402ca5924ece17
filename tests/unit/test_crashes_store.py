"""Crash reports: each once, whole or not at all, and never more of them than may be."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tsm.errors import Broken
from tsm.model import Exit
from tsm.policy.rules import acted
from tsm.spec import Restart
from tsm.store import compression, crashes, excerpt
from tsm.store.crashes import Bounds
from tsm.store.documents import object_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.store.home import Home

MORNING_S = 1577880000.5  # of 2020-01-01
SMALL, LARGE = "x", "0123456789" * 1000


def report(number: int, said: str = SMALL, **values: object) -> dict[str, Any]:
    """A report of the run of that number, a second after the one before."""
    whole: dict[str, Any] = {
        "time": MORNING_S + number,
        "kind": "crash",
        "name": "web",
        "run": f"{number:016x}",
        "rule": "restart always: at once",
        "code": 1,
        "signal": None,
        "uptime_s": 1.0,
        "killed": [],
        "out": [said],
        "err": [],
        "tree": [],
        "usage": {},
        "spec": {},
    }
    return {**whole, **values}


def kept(place: Home, name: str = "web") -> list[int]:
    """The numbers of the runs that have reports, oldest first."""
    return [int(one.run, 16) for one in crashes.listed(place, name)]


SIZE = len(object_bytes(report(0)))


@pytest.mark.parametrize(("said", "ending"), [(SMALL, "json"), (LARGE, "json.gz")])
def test_a_report_is_read_as_it_was_written(place: Home, said: str, ending: str) -> None:
    whole = report(1, said, odd="\udcff")
    assert crashes.write(place, whole)
    (one,) = crashes.listed(place, "web")
    name = f"2020-01-01T120001.500Z-crash-0000000000000001.{ending}"
    assert one.path == f"{place.crashes}/web/{name}"
    assert os.stat(one.path).st_size < 5000  # noqa: PTH116 - paths are text here
    assert crashes.read(one.path) == whole


def test_a_run_has_one_report_of_a_kind(place: Home) -> None:
    for number in (1, 1, 2):
        assert crashes.write(place, report(number, time=MORNING_S + number + len(kept(place))))
    assert crashes.write(place, report(1, kind="stop-needed-kill"))
    assert sorted(kept(place)) == [1, 1, 2]


def test_what_never_ran_may_fail_any_number_of_times(place: Home) -> None:
    for run in (None, None, "../../odd"):
        assert crashes.write(place, report(1, run=run, kind="start-failed"))
    assert kept(place) == [0, 0, 0]


def test_the_oldest_go_when_there_are_too_many(place: Home) -> None:
    for number in range(6):
        assert crashes.write(place, report(number), Bounds(count=3))
    assert kept(place) == [3, 4, 5]


def test_the_oldest_go_when_they_are_too_large_but_never_the_newest(place: Home) -> None:
    bounds = Bounds(process_bytes=2 * SIZE)
    for number in range(4):
        crashes.write(place, report(number), bounds)
    assert kept(place) == [2, 3]
    crashes.write(place, report(4, SMALL * 3000), bounds)
    assert kept(place) == [4]


def test_the_oldest_of_all_go_when_a_home_has_too_much(place: Home) -> None:
    bounds = Bounds(process_bytes=3 * SIZE, home_bytes=4 * SIZE)
    for number in range(6):
        crashes.write(place, report(number, name=("web", "sql")[number % 2]), bounds)
    assert (kept(place, "web"), kept(place, "sql")) == ([2, 4], [3, 5])


def test_a_full_disk_loses_the_report_and_stops_nobody(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert not crashes.write(place, report(1))
    assert list(Path(place.crashes, "web").iterdir()) == []


def test_a_file_in_the_place_of_the_folder_stops_nobody(place: Home) -> None:
    Path(place.crashes).write_text("")
    assert not crashes.write(place, report(1))
    assert crashes.names(place) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("json", b"{"),
        ("json", b"[]"),
        ("json", b"{}"),
        ("json.gz", b"\x1f\x8b torn"),
        ("json", b'{"time":NaN}'),
    ],
)
def test_what_is_no_report_is_told_with_its_path(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / f"report.{name}"
    path.write_bytes(data)
    with pytest.raises(Broken, match=str(path)):
        crashes.read(str(path))


def test_a_report_that_has_gone_meanwhile_is_none() -> None:
    assert crashes.read("/nowhere/at/all.json") is None


def excerpted(path: Path, before: bytes, data: bytes) -> list[str]:
    """What is shown of a run that wrote `data` after another had written `before`."""
    path.write_bytes(before + data)
    reached = excerpt.reach(str(path))
    with path.open("ab") as file:
        file.write(b"\nof the next run\n")
    return excerpt.last_lines(str(path), len(before), reached)


@pytest.mark.parametrize(
    ("before", "data", "lines"),
    [
        pytest.param(b"old\n", b"", [], id="nothing"),
        pytest.param(b"old\n", b"one\n\ntwo", ["one", "", "two"], id="torn last line"),
        pytest.param(b"torn", b"one\n", ["one"], id="after a torn line"),
        pytest.param(b"", b"\xff\xc3\xa4\n", ["\ufffd\u00e4"], id="odd bytes"),
        pytest.param(b"", b"x\n" * 300, ["x"] * 200, id="many"),
        pytest.param(b"", b"y" * 5000, ["y" * 4096 + "..."], id="long"),
        pytest.param(b"", b"a" * 99999 + b"\n" + b"b" * 99999, ["b" * 4096 + "..."], id="huge"),
    ],
)
def test_only_the_run_itself_is_excerpted(
    tmp_path: Path, before: bytes, data: bytes, lines: list[str]
) -> None:
    assert excerpted(tmp_path / "current.out", before, data) == lines


def test_a_log_that_was_emptied_counts_whole_and_one_that_was_replaced_not_at_all(
    tmp_path: Path,
) -> None:
    path = tmp_path / "current.out"
    path.write_text("new\n")
    reached = excerpt.reach(str(path))
    assert excerpt.last_lines(str(path), 1000, reached) == ["new"]
    path.rename(tmp_path / "rotated")
    path.write_text("other\n")
    assert excerpt.last_lines(str(path), 0, reached) == []


def test_what_was_rotated_meanwhile_is_excerpted_as_far_as_it_is_there(place: Home) -> None:
    folder = Path(place.process("web"))
    folder.mkdir()
    path = folder / "current.out"
    for begin, name in ((0, "2026-01-01-00.out"), (8, "2026-01-01-01.out"), (16, "current.out")):
        (folder / name).write_bytes(b"%03d\n%03d\n" % (begin, begin + 4))
        (folder / f"{name}.idx").write_bytes(b"%016d %014.3f\n" % (begin, MORNING_S))
    reached = excerpt.reach(str(path))
    assert reached == excerpt.Reach(path.stat().st_ino, 24)
    with path.open("ab") as file:
        file.write(b"of the next run\n")
    assert excerpt.last_lines(str(path), 4, reached) == ["004", "008", "012", "016", "020"]
    compression.compress(str(folder / "2026-01-01-01.out"), "gzip")
    assert excerpt.last_lines(str(path), 12, reached) == ["012", "016", "020"]
    (folder / "2026-01-01-01.out.gz").unlink()
    assert excerpt.last_lines(str(path), 4, reached) == ["004", "016", "020"]
    assert excerpt.last_lines(str(path), 20, reached) == ["020"]


SHORT, LONG = Exit(MORNING_S, 0.1, 3), Exit(MORNING_S, 100.0, 139)


@pytest.mark.parametrize(
    ("rule", "exits", "sentence"),
    [
        (Restart(), [LONG], "restart always: at once"),
        (Restart(), [SHORT], "restart always: a short run, next try in 1 s"),
        (
            Restart(delay_s=0.1),
            [SHORT],
            "restart always: a short run, next try in 0.1 s",
        ),
        (Restart(), [SHORT] * 3, "restart always: 3rd short run in a row, next try in 4 s"),
        (
            Restart(),
            [LONG] * 7,
            "restart always: 2nd end too many within a minute, next try in 2 s",
        ),
        (Restart(when="no"), [LONG], "restart no: killed by SIGSEGV, left stopped"),
        (
            Restart(max_retries=1),
            [SHORT] * 2,
            "restart always: 2 short runs in a row, the last exited with 3, given up",
        ),
    ],
)
def test_the_rule_that_acted_is_one_sentence(
    rule: Restart, exits: Sequence[Exit], sentence: str
) -> None:
    assert acted(rule, exits) == sentence
