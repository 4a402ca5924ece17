"""tsm report: uptime, failures and use, from what stands in the home."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files
from tests.e2e.test_metrics import sampled
from tests.machine import kill_with_launcher
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    from tests.running import Tsm

DAY_S = 86400


def lived(tsm: Tsm, name: str, *events: tuple[float, str, str, float | None]) -> None:
    """Have a history: days ago, event, run, days up."""
    folder = tsm.home / "db/history"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.jsonl").open("a") as file:
        for ago, event, run, up in events:
            row = {"time": time.time() - ago * DAY_S, "event": event, "name": name, "run": run}
            end = {} if up is None else {"code": 1, "uptime_s": up * DAY_S}
            file.write(json.dumps({**row, **end}) + "\n")


def test_a_deleted_process_has_its_report(tsm: Tsm) -> None:
    lived(
        tsm,
        "web",
        *((10, "start", "a", None), (5, "crash", "a", 5), (4, "restart", "b", None)),
        *((2, "stop", "b", 2), (2, "delete", "b", None)),
    )
    for number in range(100):
        sampled(tsm, 5 * DAY_S, "web", cpu=float(number), mem=number << 20)
    row = tsm("report", "web").row
    assert row["uptime"] == pytest.approx(80.0, abs=0.01)
    assert row["mtbf_s"] == row["up_s"] == pytest.approx(4 * DAY_S, abs=60)
    assert (row["restarts"], row["crashes"], row["failures"]) == (1, 1, 1)
    assert (row["cpu_p50"], row["cpu_p95"], row["cpu_max"]) == (49.0, 94.0, 99.0)
    assert row["mem_max"] == 99 << 20
    assert tsm("report", "web", "--since", "3d").row["uptime"] == 100.0


def test_a_crash_counts_and_a_restart_by_command_does_not(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", "--min-uptime", "0", "--delay", "0")
    gate.open(3)
    Files(tsm.home, "web").await_event("restart")
    tsm("restart", "web")
    row = tsm("report").row
    assert (row["restarts"], row["crashes"], row["failures"]) == (2, 1, 1)
    assert 0 < row["uptime"] < 100
    assert row["mtbf_s"] == row["up_s"] > 0


def test_what_rests_after_success_or_by_command_is_not_down(tsm: Tsm) -> None:
    tsm("start", "true", "--name", "job", "--restart", "on-failure")
    tsm("wait", "job")
    eventually(lambda: "exit" in Files(tsm.home, "job").event_names())
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    assert {row["name"]: row["down_s"] for row in tsm("report").rows} == {"job": 0.0, "web": 0.0}


def test_a_death_that_nobody_has_noticed_is_downtime_since_the_last_sample(tsm: Tsm) -> None:
    lived(tsm, "web", (2, "start", "0" * 16, None))
    tsm("start", "sleep 1000", "--name", "web")
    kill_with_launcher(tsm, "web")
    history = Files(tsm.home, "web").history
    history.write_text(history.read_text().splitlines()[0] + "\n")
    sampled(tsm, DAY_S)
    assert tsm("report", "web").row["uptime"] == pytest.approx(50.0, abs=0.1)


def test_people_read_a_table(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    sampled(tsm, 5, cpu=2.5)
    head, line = tsm.on_terminal("report").out.splitlines()
    assert head.split()[:4] == ["Name", "Uptime", "Restarts", "Crashes"]
    assert line.split() == [
        *("web", "100.000%", "0", "0", "-", "2.5%", "2.5%", "2.5%", "1.0M", "1.0M", "1.0M")
    ]


def test_nobody_has_no_report(tsm: Tsm) -> None:
    assert tsm("report").out == ""
    assert "no processes" in tsm("report", "--table").err
    assert tsm("report", "nobody", ok=False).status == 3
