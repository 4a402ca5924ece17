"""tsm resume: who was paused goes on, and who was stopped before does not."""

from __future__ import annotations

from signal import SIGSTOP
from typing import TYPE_CHECKING

from tests.e2e.files import Files
from tests.e2e.kernel import children, send, state_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm


def test_who_was_paused_goes_on_and_who_was_stopped_before_does_not(tsm: Tsm) -> None:
    pid = tsm("start", "sh -c 'sleep 1000 & sleep 1000 & wait'", "--name", "web").row["pid"]
    files = Files(tsm.home, "web")
    one, other = eventually(lambda: children(pid) if len(children(pid)) == 2 else [])
    send(one, SIGSTOP)
    assert tsm("pause", "web").row["count"] == 2
    row = tsm("resume", "web").row
    assert row == {"name": "web", "action": "resume", "count": 2, "left": 1}
    eventually(lambda: [state_of(who) for who in (pid, one, other)] == ["S", "T", "S"])
    assert tsm("ls").row["status"] == "online"
    assert tsm("resume", "web").row["count"] == 1  # nobody was paused since
    assert tsm("resume", "web").row == {"name": "web", "action": None, "count": 0, "left": 0}
    eventually(lambda: state_of(one) == "S")
    tsm("pause", "web")
    assert tsm("resume", "web", "--table").out == "web: resumed (3 woken)\n"
    assert files.event_names() == ["start", *("pause", "resume", "resume"), *("pause", "resume")]


def test_who_is_down_is_1(tsm: Tsm) -> None:
    tsm("start", "true", "--name", "web", "--restart", "no")
    tsm("wait", "web", "--until", "stopped")
    result = tsm("resume", "web", ok=False)
    assert result.status == 1
    assert result.err == "tsm resume: web: is completed: only what is up can be resumed\n"
