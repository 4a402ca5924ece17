"""tsm metrics: what processes used, as rows for programs and as bars for people."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tsm.patrol.sampling import Sampler
from tsm.store.home import Home

if TYPE_CHECKING:
    from tests.running import Tsm

KEYS = {"time", "name", "cpu", "mem", "procs", "fds", "threads", "read", "written"}
COMMAND = "sh -c 'sleep 1000 & exec sleep 1001'"


def sampled(tsm: Tsm, ago_s: float, name: str = "web", **values: float | None) -> None:
    """Have a sample of so long ago."""
    now_s = time.time() - ago_s
    day = time.strftime("%Y-%m-%d", time.gmtime(now_s))
    folder = tsm.home / "db/metrics"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{day}.jsonl").open("a") as file:
        row = {"time": now_s, "name": name, "cpu": 1.0, "mem": 1 << 20, **values}
        file.write(json.dumps(row) + "\n")


def bars(tsm: Tsm, *argv: str, columns: int = 60) -> list[str]:
    """The lines of bars that people see, the heads aside."""
    return tsm("metrics", "--table", *argv, env={"COLUMNS": str(columns)}).out.splitlines()[1:]


def test_a_sample_tells_of_the_whole_tree(tsm: Tsm) -> None:
    tsm("start", COMMAND, "--name", "web")
    tsm("start", "sleep 1000", "--name", "down")
    tsm("stop", "down")
    sampler = Sampler()
    for _ in range(2):
        assert sampler.take(Home(str(tsm.home)), time.time(), 14) is None
    rows = tsm("metrics").rows
    assert [row["name"] for row in rows] == ["web", "web"]
    assert [set(row) for row in rows] == [KEYS, KEYS]
    last: dict[str, Any] = rows[-1]
    assert (last["procs"], last["threads"]) == (2, 2)
    assert last["mem"] > 100_000
    assert last["fds"] >= 6
    assert tsm("check").out == ""


def test_rows_are_of_those_named_and_not_older_than_asked_for(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    for ago_s in (172_800, 7200, 60):
        sampled(tsm, ago_s, "web")
        sampled(tsm, ago_s, "other")
    assert len(tsm("metrics").rows) == 2
    assert [row["name"] for row in tsm("metrics", "we*", "--since", "3h").rows] == ["web"] * 2
    assert len(tsm("metrics", "web", "--since", "7d").rows) == 3


def test_a_deleted_process_is_given_by_its_full_name(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--port", "4716")
    sampled(tsm, 5, "web-4716")
    tsm("delete", "web")
    assert tsm("metrics", "web-4716").row["name"] == "web-4716"
    assert tsm("metrics", "web", ok=False).status == 3


def test_people_see_bars_with_a_gap_where_it_was_down(tsm: Tsm) -> None:
    for minute in range(60):
        if not 20 <= minute < 40:
            sampled(tsm, 60 * (59.5 - minute), cpu=float(minute), mem=(minute + 1) << 20)
    cpu, mem = bars(tsm, columns=101)
    assert cpu.split()[:2] == ["web", "cpu"]
    assert "█" in cpu
    assert " " * 15 in cpu
    assert cpu.split()[-3:] == ["0.0%", "29.5%", "59.0%"]
    assert mem.split()[-3:] == ["1.0M", "30.5M", "60.0M"]


@pytest.mark.parametrize("columns", [60, 200])
def test_bars_are_as_wide_as_the_terminal(tsm: Tsm, columns: int) -> None:
    for minute in range(60):
        sampled(tsm, 60 * (60 - minute))
    lines = bars(tsm, columns=columns)
    assert all(columns - 30 < len(line) <= columns for line in lines)
    assert " " not in lines[0].split("cpu")[1].strip().split("  ")[0]


def test_no_samples_are_no_rows_and_a_hint_for_people(tsm: Tsm) -> None:
    assert tsm("metrics").out == ""
    assert "no samples in that time, see --since" in tsm("metrics", "--table").err
    assert tsm("metrics", "nobody", ok=False).status == 3
    assert tsm("metrics", "--since", "noon", ok=False).status == 2
