"""The files of samples: days, names, torn lines, and how long they are kept."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsm.patrol.sampling import Sampler, due
from tsm.store import metrics

if TYPE_CHECKING:
    from tsm.store.home import Home

NOON_S = 1577880000.0  # of 2020-01-01
DAY_S = 86400.0


def sample(name: str = "web", mem: int | None = 1000) -> dict[str, object]:
    """The values of one."""
    return {"name": name, "cpu": 2.5, "mem": mem}


def test_a_day_has_a_file_and_a_sample_a_line(place: Home) -> None:
    metrics.record(place, NOON_S, [sample("web"), sample("api")])
    metrics.record(place, NOON_S + DAY_S, [sample("web")])
    metrics.record(place, NOON_S + DAY_S, [])
    first, second = (Path(path) for path in metrics.day_files(place))
    assert (first.name, second.name) == ("2020-01-01.jsonl", "2020-01-02.jsonl")
    assert first.read_text() == (
        '{"time":1577880000.0,"name":"web","cpu":2.5,"mem":1000}\n'
        '{"time":1577880000.0,"name":"api","cpu":2.5,"mem":1000}\n'
    )


def test_samples_are_found_by_time_and_name(place: Home) -> None:
    for day in range(4):
        metrics.record(place, NOON_S + day * DAY_S, [sample("web"), sample("web-2")])
    metrics.record(place, NOON_S + 3 * DAY_S + 60, [sample("web", mem=None)])
    found = [(row["time"], row["mem"]) for row in metrics.samples(place, NOON_S + DAY_S, ["web"])]
    assert found == [
        (NOON_S + DAY_S, 1000),
        (NOON_S + 2 * DAY_S, 1000),
        (NOON_S + 3 * DAY_S, 1000),
        (NOON_S + 3 * DAY_S + 60, None),
    ]
    assert len(list(metrics.samples(place, NOON_S + 3 * DAY_S))) == 3


def test_a_torn_line_costs_itself_alone(place: Home) -> None:
    metrics.record(place, NOON_S, [sample()])
    (day,) = metrics.day_files(place)
    with Path(day).open("ab") as file:
        file.write(b'{"name":"web"}\n{"time":1577880000.0,"name":"we')
    metrics.record(place, NOON_S + 60, [sample()])
    assert [row["time"] for row in metrics.samples(place, 0.0, ["web"])] == [NOON_S, NOON_S + 60]
    assert metrics.unreadable_lines(day) == [2, 3]


def test_only_the_last_days_are_kept(place: Home) -> None:
    for day in range(5):
        metrics.record(place, NOON_S + day * DAY_S, [sample()])
    kept = metrics.day_files(place)[-2:]
    assert len(metrics.prune(place, NOON_S + 4 * DAY_S, 2)) == 3
    assert metrics.day_files(place) == kept


@pytest.mark.parametrize(
    ("age_s", "interval_s", "expected"),
    [
        pytest.param(None, 60.0, True, id="there is none"),
        pytest.param(None, 0.0, False, id="samples are off"),
        pytest.param(30.0, 60.0, False, id="half an interval old"),
        pytest.param(58.0, 60.0, True, id="cron was a bit early"),
        pytest.param(-3600.0, 60.0, True, id="the clock was set back"),
        pytest.param(3600.0, 0.0, False, id="samples have been switched off"),
    ],
)
def test_a_sample_is_due_once_in_an_interval(
    place: Home, age_s: float | None, interval_s: float, *, expected: bool
) -> None:
    if age_s is not None:
        metrics.record(place, NOON_S, [sample()])
        os.utime(metrics.day_files(place)[0], (NOON_S, NOON_S))
    assert due(place, NOON_S + (age_s or 0.0), interval_s) == expected


def test_a_full_disk_is_an_answer(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "here")

    monkeypatch.setattr(metrics, "record", full)
    assert str(Sampler().take(place, NOON_S, 14, [])) == "here: No space left on device"


def test_a_home_that_was_removed_does_not_come_back(place: Home) -> None:
    shutil.rmtree(place.root)
    with pytest.raises(FileNotFoundError):
        metrics.record(place, NOON_S, [sample()])
    assert Sampler().take(place, NOON_S, 14) is None
    assert not Path(place.root).exists()
