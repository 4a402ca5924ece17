"""tsm pause: the whole run stands still, and can still be ended."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files
from tests.e2e.kernel import children, state_of
from tests.machine import alive, processes
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm

FORKING = "sh -c 'while :; do sleep 0.01 & sleep 0.01; done'"


def start_ignoring(tsm: Tsm) -> int:
    """The pid of a child that ignores SIGTERM."""
    pid: int = tsm("start", app("ignores_term.py"), "--name", "web", "--stop-timeout", "100ms").row[
        "pid"
    ]
    eventually((processes(tsm) / "web/current.out").read_text)
    return pid


def test_everybody_of_the_run_stands_still_and_the_launcher_does_not(tsm: Tsm) -> None:
    pid = tsm("start", FORKING, "--name", "web").row["pid"]
    files = Files(tsm.home, "web")
    eventually(lambda: children(pid))
    row = tsm("pause", "web").row
    assert (row["name"], row["action"], row["status"]) == ("web", "pause", "paused")
    assert row["count"] >= 1 + len(children(pid))  # one may have been about to be reaped
    assert {state_of(one) for one in (pid, *children(pid))} == {"T"}
    assert state_of(files.launcher) == "S"
    assert tsm("pause", "web").row == {**row, "action": None, "count": 0}
    assert files.event_names() == ["start", "pause"]
    assert files.events[-1]["run"] == files.events[0]["run"]
    assert tsm("ls").row["status"] == "paused"
    tsm("patrol")
    assert (state_of(pid), files.child) == ("T", pid)


def test_whose_child_is_yet_to_get_to_its_exec_is_paused_once_it_has(tsm: Tsm) -> None:
    """Stopped before that, it would keep its parent from being stopped, and from all else."""
    fifo = tsm.cwd / "fifo"
    os.mkfifo(fifo)
    pid = tsm("start", f"{app('vforking.py')} {fifo}", "--name", "web").row["pid"]
    files = Files(tsm.home, "web")
    eventually(lambda: state_of(pid) == "D")
    program = tsm.spawn("pause", "web")
    eventually(lambda: "paused" in files.run)
    with fifo.open("wb"):
        assert program.wait() == 0
        assert {state_of(one) for one in (pid, *children(pid))} == {"T"}


def test_who_is_down_is_1_and_the_others_are_paused(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "down")
    tsm("stop", "down")
    pid = tsm("start", "sleep 1000", "--name", "up").row["pid"]
    result = tsm("pause", "all", ok=False)
    assert (result.status, result.row["name"]) == (1, "up")
    assert result.err == "tsm pause: down: is stopped: only what is up can be paused\n"
    assert state_of(pid) == "T"


@pytest.mark.parametrize("command", ["stop", "restart", "delete"])
def test_a_paused_one_that_ignores_sigterm_is_ended_all_the_same(tsm: Tsm, command: str) -> None:
    pid = start_ignoring(tsm)
    tsm("pause", "web")
    killed = tsm(command, "web").row["killed"]
    assert [f"(pid {pid})" in who for who in killed] == [True]
    assert not alive(pid)


def test_a_paused_run_ends_politely_though_its_child_waits_for_its_own(tsm: Tsm) -> None:
    script = 'sleep 1000 & trap "kill $!; wait $!; exit 7" TERM; wait'
    pid = tsm("start", f"sh -c '{script}'", "--name", "web").row["pid"]
    eventually(lambda: children(pid))
    tsm("pause", "web")
    assert tsm("stop", "web").row["killed"] == []


def test_a_pause_that_was_killed_is_taken_up_by_the_next(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    files = Files(tsm.home, "web")
    with (files.folder / "run").open("a") as record:
        record.write("paused\n")
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: state_of(pid) == "T")
    tsm("pause", "web")
    assert files.event_names() == ["start", "pause"]
    assert tsm("resume", "web").row["count"] == 1
