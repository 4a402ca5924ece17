"""Never two, never none: however many commands come at once, one process is one child."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import BEGINS, ENDS, Files, below
from tests.e2e.kernel import bystander, long_sleep, running, send, system_call_of
from tests.machine import alive
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm
    from tests.waiting import Gate

MANY = 20


def assert_each_run_is_told_once(files: Files) -> None:
    """One begin for each run, one end for each but the last, in the order of a life."""
    events = files.events
    begun = Counter(event["run"] for event in events if event["event"] in BEGINS)
    ended = Counter(event["run"] for event in events if event["event"] in ENDS)
    assert set(begun.values()) <= {1}
    assert set(ended.values()) <= {1}
    up: str | None = None
    for event in events:
        if event["event"] in BEGINS:
            assert up is None, "a run began before the last one had ended"
            up = event["run"]
        elif event["event"] in ENDS:
            assert up == event["run"]
            up = None
    assert (up is None) == (files.folder / "down").exists()


def test_twenty_starts_of_one_name_start_one(tsm: Tsm) -> None:
    argv = long_sleep()
    results = tsm.at_once([("start", "--name", "web", "--", *argv)] * MANY)
    assert {one.status for one in results} == {0}
    assert "".join(one.err for one in results) == ""
    assert sum('"action":"start"' in one.out for one in results) == 1
    files = Files(tsm.home, "web")
    assert running(*argv) == [files.child]
    assert files.event_names() == ["start"]
    assert tsm("ls").row["tsm_id"] == 1


def test_twenty_starts_of_a_stopped_process_start_one(tsm: Tsm) -> None:
    argv = long_sleep()
    tsm("start", "--name", "web", "--", *argv)
    tsm("stop", "web")
    results = tsm.at_once([("start", "web")] * MANY)
    assert sum('"action":"start"' in one.out for one in results) == 1
    assert running(*argv) == [Files(tsm.home, "web").child]
    assert_each_run_is_told_once(Files(tsm.home, "web"))


def test_twenty_restarts_leave_one_and_each_is_told(tsm: Tsm) -> None:
    argv = long_sleep()
    tsm("start", "--name", "web", "--", *argv)
    results = tsm.at_once([("restart", "web")] * MANY)
    assert {one.status for one in results} == {0}
    files = Files(tsm.home, "web")
    assert running(*argv) == [files.child]
    assert files.event_names().count("restart") == MANY
    assert tsm("ls").row["restarts"] == MANY
    assert_each_run_is_told_once(files)


def test_cold_starts_in_an_empty_home_all_succeed(tsm: Tsm) -> None:
    home = tsm.home
    shutil.rmtree(home)
    names = [f"web{number}" for number in range(5)]
    argv = long_sleep()
    results = tsm.at_once([("start", "--name", name, "--", *argv) for name in names])
    assert [one.status for one in results] == [0] * 5, results
    assert len(running(*argv)) == 5
    rows = tsm("ls").rows
    assert {row["name"] for row in rows} == set(names)
    assert [row["tsm_id"] for row in rows] == [1, 2, 3, 4, 5]


def test_ids_of_twenty_parallel_starts_are_unique(tsm: Tsm) -> None:
    argv = long_sleep()
    calls = [("start", "--name", f"web{number}", "--", *argv) for number in range(MANY)]
    results = tsm.at_once(calls)
    assert {one.status for one in results} == {0}, results
    rows = tsm("ls").rows
    assert sorted(row["tsm_id"] for row in rows) == list(range(1, MANY + 1))
    assert {row["status"] for row in rows} == {"online"}
    assert len(running(*argv)) == MANY


def test_start_during_a_slow_stop_waits_and_then_it_is_online(tsm: Tsm, gate: Gate) -> None:
    told = f"[ -e reached ] || {{ touch reached; read x <{gate.path}; }}; exit"
    text = f"trap '{told}' TERM; touch set; sleep 86399 & wait"
    tsm("start", "--name", "web", "--stop-timeout", "1h", "--", "sh", "-c", text)
    files = Files(tsm.home, "web")
    eventually((tsm.cwd / "set").exists)
    first = files.child
    stop = tsm.spawn("stop", "web")
    eventually((tsm.cwd / "reached").exists)
    with bystander(*long_sleep()) as sleeper:
        start = tsm.spawn("start", "web")
        # It sleeps between two tries of the lock, and at no other time.
        eventually(lambda: system_call_of(start.pid) == system_call_of(sleeper))
    assert alive(first)
    gate.open()
    assert stop.wait() == 0
    assert start.wait() == 0
    row = tsm("ls").row
    assert row["status"] == "online"
    assert row["pid"] not in (None, first)
    assert files.event_names() == ["start", "stop", "start"]


@pytest.mark.parametrize("last", ["start", "stop"])
def test_storm_leaves_one_or_none(tsm: Tsm, last: str) -> None:
    argv = long_sleep()
    tsm("start", "--name", "web", "--", *argv)
    calls = [(command, "web") for command in ("stop", "start", "restart", "patrol") * 5]
    results = tsm.at_once(calls)
    assert {one.status for one in results} == {0}, results
    files = Files(tsm.home, "web")
    up = tsm("ls").row["status"] == "online"
    eventually(lambda: running(*argv) or not up)  # a patrol does not wait for the exec
    assert len(running(*argv)) == up
    assert_each_run_is_told_once(files)
    tsm(last, "web")
    assert len(running(*argv)) == (last == "start")
    assert tsm("patrol").out == ""


def test_storm_of_starts_and_deletes_leaves_one_or_none(tsm: Tsm) -> None:
    argv = long_sleep()
    calls = [("start", "--name", "web", "--", *argv), ("delete", "web")] * 10
    results = tsm.at_once(calls)
    assert {one.status for one in results} <= {0, 3}, results
    rows = tsm("ls").rows
    assert len(running(*argv)) == len(rows) <= 1
    left = below(tsm.home / "runtime" / "processes")
    assert ("web" in left) == bool(rows)
    tsm("delete", "all")
    assert below(tsm.home / "runtime" / "processes") == []
    assert below(tsm.home / "runtime" / "locks") == [".home.lock"]


def test_crashes_amid_restarts_leave_one(tsm: Tsm, gate: Gate) -> None:
    argv = ("sh", "-c", f"read x <{gate.path}; exit 3")
    tsm("start", "--name", "web", "--delay", "0", "--max-retries", "1000", "--", *argv)
    files = Files(tsm.home, "web")
    programs = [tsm.spawn("restart", "web") for _ in range(6)]
    for _ in range(3):
        with suppress(BrokenPipeError):  # a restart was quicker
            gate.open(3)
    for program in programs:
        program.communicate()
        assert program.returncode == 0
    eventually(lambda: tsm("ls").row["status"] == "online" and running(*argv) == [files.child])
    assert_each_run_is_told_once(files)
    assert files.event_names().count("restart") >= 6


def test_many_processes_crash_at_once_and_all_are_back(tsm: Tsm) -> None:
    argv = long_sleep()
    names = [f"web{number}" for number in range(10)]
    for name in names:
        tsm("start", "--name", name, "--min-uptime", "0", "--", *argv)
    for pid in running(*argv):
        send(pid, signal.SIGKILL)
    for name in names:
        Files(tsm.home, name).await_event("restart")
    eventually(lambda: len(running(*argv)) == 10)
    assert {row["status"] for row in tsm("ls").rows} == {"online"}
    for name in names:
        assert_each_run_is_told_once(Files(tsm.home, name))


def test_stop_and_delete_of_all_in_any_order_end_all(tsm: Tsm) -> None:
    argv = long_sleep()
    for name in ("a", "b", "c"):
        tsm("start", "--name", name, "--", *argv)
    results = tsm.at_once([("stop", "all"), ("delete", "all"), ("stop", "a"), ("delete", "c")] * 3)
    assert {one.status for one in results} <= {0, 3}, results
    assert running(*argv) == []
    assert tsm("ls").out == ""
    assert below(tsm.home / "runtime" / "locks") == [".home.lock"]
