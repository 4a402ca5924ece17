"""tsm reset: counters and delays begin anew, and no exit is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.files import Files
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm
    from tests.waiting import Gate


def test_counters_are_0_and_the_exit_of_the_run_is_still_recorded(tsm: Tsm, gate: Gate) -> None:
    options = ("--delay", "0", "--min-uptime", "60", "--max-retries", "2")
    pid = tsm("start", gate.command, "--name", "web", *options).row["pid"]
    files = Files(tsm.home, "web")
    for _ in range(2):
        gate.open(3)
        pid = files.await_next_child(pid)
    eventually(lambda: files.meta["restarts"] == 2)
    assert tsm("reset", "web").row == {"name": "web", "action": "reset", "restarts": 2}
    row = tsm("ls").row
    assert (row["pid"], row["restarts"], row["unstable_restarts"]) == (pid, 0, 0)
    assert tsm("reset", "web").row == {"name": "web", "action": None, "restarts": 0}
    gate.open(4)  # one more would have been one too many
    files.await_next_child(pid)
    eventually(lambda: files.meta["restarts"] == 1)
    assert [event["code"] for event in files.await_event("crash", 3)] == [3, 3, 4]
    assert files.event_names().count("reset") == 1


def test_who_waits_does_not_wait_longer_than_after_a_first_short_run(tsm: Tsm) -> None:
    tsm("start", "sh -c 'exit 3'", "--name", "web", "--delay", "60", "--max-delay", "86400")
    files = Files(tsm.home, "web")
    eventually(lambda: files.meta["status"] == "waiting")
    eventually(lambda: tsm("ls").row["status"] == "waiting")
    tsm("set", "web", "delay=0")
    tsm("reset", "web")  # its launcher asks again, and hears of it
    files.await_event("restart")


def test_who_is_errored_stays_down_until_it_is_started(tsm: Tsm) -> None:
    options = ("--delay", "0", "--min-uptime", "60", "--max-retries", "1")
    tsm("start", "sh -c 'exit 3'", "--name", "web", *options)
    files = Files(tsm.home, "web")
    files.await_event("errored")
    eventually(lambda: files.meta["status"] == "errored")
    assert tsm("reset", "all").row["restarts"] == 1
    tsm("patrol")
    row = tsm("ls").row
    assert (row["status"], row["restarts"], row["unstable_restarts"]) == ("errored", 0, 2)
    tsm("start", "web")
    files.await_event("errored", 2)
    assert [event["restarts"] for event in files.await_event("restart", 2)] == [1, 1]
