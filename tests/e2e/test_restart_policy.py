"""What follows an exit, end to end: by the launcher alone, with no tsm in memory."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files
from tests.e2e.kernel import children, long_sleep, send
from tests.machine import alive
from tests.proc import argv_of
from tests.survivors import MARK, Survivors
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm
    from tests.waiting import Gate

LATER = ("--delay", "1h", "--max-delay", "1h")
AT_ONCE = ("--delay", "0")


def started(tsm: Tsm, command: str, *options: str) -> Files:
    """A process `web`."""
    tsm("start", command, "--name", "web", *options)
    return Files(tsm.home, "web")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 0),
        ((), 3),
        (("--restart", "always"), 0),
        (("--restart", "unless-stopped"), 0),
        (("--restart", "unless-stopped"), 1),
        (("--restart", "on-failure"), 3),
        (("--restart", "on-failure", "--success-codes", "3,4"), 0),
    ],
)
def test_exit_is_followed_by_a_restart(
    tsm: Tsm, gate: Gate, options: tuple[str, ...], code: int
) -> None:
    files = started(tsm, gate.command, *options, *AT_ONCE)
    first = files.child
    gate.open(code)
    files.await_event("restart")
    row = eventually(lambda: tsm("ls").row if tsm("ls").row["status"] == "online" else {})
    assert row["restarts"] == 1
    assert row["pid"] != first


@pytest.mark.parametrize(
    ("options", "code", "outcome"),
    [
        (("--restart", "no"), 0, ("completed", "exit")),
        (("--restart", "no"), 3, ("stopped", "crash")),
        (("--restart", "on-failure"), 0, ("completed", "exit")),
        (("--restart", "on-failure", "--success-codes", "3,4"), 4, ("completed", "exit")),
        (("--restart", "no", "--success-codes", "3"), 0, ("stopped", "crash")),
    ],
)
def test_exit_is_the_end_of_it(
    tsm: Tsm, gate: Gate, options: tuple[str, ...], code: int, outcome: tuple[str, str]
) -> None:
    status, event = outcome
    files = started(tsm, gate.command, *options)
    gate.open(code)
    (end,) = files.await_event(event)
    assert end["code"] == code
    row = tsm("ls").row
    assert (row["status"], row["pid"], row["reason"]) == (status, None, f"exited with {code}")
    eventually(lambda: files.meta["status"] == status)
    assert tsm("patrol").out == ""
    eventually(lambda: not alive(files.launcher))


def test_signal_that_ended_the_child_is_told(tsm: Tsm) -> None:
    tsm("start", "--name", "web", "--restart", "no", "--", *long_sleep())
    files = Files(tsm.home, "web")
    os.kill(files.child, signal.SIGKILL)
    (crash,) = files.await_event("crash")
    assert (crash["code"], crash["signal"]) == (137, "SIGKILL")
    assert tsm("ls").row["reason"] == "killed by SIGKILL"


def test_high_exit_code_is_not_taken_for_a_signal(tsm: Tsm, gate: Gate) -> None:
    files = started(tsm, gate.command, "--restart", "no")
    gate.open(255)
    (crash,) = files.await_event("crash")
    assert crash["code"] == 255
    assert "signal" not in crash
    assert tsm("ls").row["reason"] == "exited with 255"


def test_crash_is_answered_with_no_tsm_in_memory(tsm: Tsm, gate: Gate) -> None:
    files = started(tsm, gate.command, *AT_ONCE)
    first, launcher = files.child, files.launcher
    ours = Survivors(tsm.env[MARK], tsm.cwd)
    eventually(lambda: ours.pids() == sorted([first, launcher]))
    gate.open(3)
    second = files.await_next_child(first)
    eventually(lambda: ours.pids() == sorted([second, files.launcher]))
    assert tsm("ls").row["status"] == "online"


def test_crash_after_a_long_run_is_answered_at_once(tsm: Tsm, gate: Gate) -> None:
    files = started(tsm, gate.command, "--min-uptime", "0", *LATER)
    for count in range(1, 4):
        gate.open(3)
        files.await_event("restart", count)
    eventually(lambda: tsm("ls").row["status"] == "online")
    assert tsm("ls").row["unstable_restarts"] == 0


def test_crash_after_a_short_run_is_put_off_and_says_until_when(tsm: Tsm, gate: Gate) -> None:
    files = started(tsm, gate.command, *LATER)
    gate.open(3)
    files.await_event("crash")
    row = eventually(lambda: tsm("ls").row if tsm("ls").row["status"] == "waiting" else {})
    assert row["reason"].startswith("1st short run, exited with 3, next try in ")
    assert row["unstable_restarts"] == 1
    assert "web: waiting: 1st short run, exited with 3, next try in " in tsm("ls", "--table").out
    assert tsm("patrol").out == ""
    assert tsm("ls").row["restarts"] == 0


def test_too_many_short_runs_are_errored(tsm: Tsm) -> None:
    files = started(tsm, "sh -c 'exit 3'", "--max-retries", "2", *AT_ONCE)
    (errored,) = files.await_event("errored")
    assert errored["reason"] == "3 short runs in a row, the last exited with 3"
    assert files.event_names() == [
        *("start", "crash", "restart", "crash", "restart", "crash", "errored"),
    ]
    row = tsm("ls").row
    assert (row["status"], row["restarts"]) == ("errored", 2)
    assert row["reason"] == errored["reason"]
    assert tsm("patrol").out == ""
    assert files.event_names().count("errored") == 1


def test_no_retries_at_all_is_errored_after_the_first(tsm: Tsm) -> None:
    files = started(tsm, "sh -c 'exit 3'", "--max-retries", "0")
    files.await_event("errored")
    assert files.event_names() == ["start", "crash", "errored"]


def test_start_of_an_errored_process_begins_all_counting_anew(tsm: Tsm, gate: Gate) -> None:
    files = started(tsm, gate.command, "--max-retries", "1", *AT_ONCE)
    gate.open(3)
    files.await_event("restart")
    gate.open(3)
    files.await_event("errored")
    tsm("start", "web")
    assert tsm("ls").row["unstable_restarts"] == 0
    gate.open(3)
    files.await_event("restart", 2)
    gate.open(3)
    files.await_event("errored", 2)


def test_start_does_not_wait_for_a_pending_restart(tsm: Tsm, gate: Gate) -> None:
    files = started(tsm, gate.command, *LATER)
    launcher = files.launcher
    gate.open(3)
    eventually(lambda: [pid for pid in children(launcher) if "sleep" in argv_of(pid)])
    assert tsm("start", "web").row["action"] == "start"
    assert tsm("ls").row["status"] == "online"
    eventually(lambda: not alive(launcher))


def test_stop_beats_a_restart_that_is_under_way(tsm: Tsm, gate: Gate) -> None:
    """The launcher is held between the exit of its child and its patrol."""
    files = started(tsm, gate.command, *AT_ONCE)
    child, launcher = files.child, files.launcher
    send(launcher, signal.SIGSTOP)
    gate.open(3)
    eventually(lambda: not alive(child))
    stop = tsm.spawn("stop", "web")
    eventually((files.folder / "down").exists)
    send(launcher, signal.SIGCONT)
    assert stop.wait() == 0
    eventually(lambda: not alive(launcher))
    assert tsm("ls").row["status"] == "stopped"
    assert "restart" not in files.event_names()


def test_restart_after_a_crash_keeps_the_environment(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", *AT_ONCE, env={"A": "x\ny", "a.b": "%"})
    files = Files(tsm.home, "web")
    before = files.env
    first = files.child
    gate.open(3)
    files.await_next_child(first)
    assert files.env == before


def test_program_that_vanishes_is_retried_until_it_is_back(tsm: Tsm) -> None:
    app = tsm.cwd / "app"
    app.symlink_to("/bin/sleep")
    tsm("start", "./app 86399", "--name", "web", *AT_ONCE, "--max-retries", "1000")
    files = Files(tsm.home, "web")
    app.unlink()
    os.kill(files.child, signal.SIGKILL)
    files.await_event("restart", 2)
    app.symlink_to("/bin/sleep")
    eventually(lambda: argv_of(files.child) == ["./app", "86399"])
    codes = {event["code"] for event in files.events if event["event"] == "crash"}
    assert codes == {137, 127}
