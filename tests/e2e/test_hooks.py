"""Hooks: commands at turns of a process's life, waited for only where that is promised."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files
from tests.e2e.kernel import long_sleep, running
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    from tests.running import Tsm


def test_each_turn_runs_its_hook_and_tells_it_what_is_known(tsm: Tsm, gate: Gate) -> None:
    said = tsm.cwd / "said"
    tell = 'echo "$TSM_EVENT $TSM_NAME $TSM_REASON ${TSM_EXIT_CODE-} ${TSM_RUN-}" >>said'
    turns = ("pre-start", "post-start", "pre-stop", "post-stop", "on-crash")
    hooks = [word for turn in turns for word in (f"--{turn}", tell)]
    tsm("start", gate.command, "--name", "web", *hooks)
    gate.open(3)
    Files(tsm.home, "web").await_event("restart")
    tsm("stop", "web")

    def told() -> list[str]:
        return sorted(" ".join(line.split()) for line in said.read_text().splitlines())

    expected = [
        *("pre_start web start", "post_start web start"),
        *("on_crash web exited with 3 3", "post_stop web exited with 3 3"),
        *("pre_start web restart", "post_start web restart"),
        *("pre_stop web stop", "post_stop web stop 143"),
    ]
    eventually(lambda: told() == sorted(expected))


def test_a_failing_pre_start_stops_the_start_with_its_output(tsm: Tsm) -> None:
    failing = "echo no database >&2; exit 3"
    refused = tsm("start", "sleep 1000", "--name", "web", "--pre-start", failing, ok=False)
    assert refused.status == 7
    assert "web: not started: pre_start exited with 3: no database" in refused.err
    files = Files(tsm.home, "web")
    assert not files.folder.exists()
    (event,) = [row for row in files.events if row["event"] == "hook"]
    assert (event["hook"], event["code"], event["output"]) == ("pre_start", 3, "no database")


def test_a_hook_that_never_ends_is_killed_with_all_of_its_session(tsm: Tsm) -> None:
    argv = long_sleep()
    endless = f"trap '' TERM; {' '.join(argv)} & {' '.join(argv)}"
    options = ["--pre-stop", endless, "--hook-timeout", "200ms"]
    tsm("start", "sleep 1000", "--name", "web", *options)
    stopped = tsm("stop", "web")
    assert stopped.row["status"] == "stopped"
    assert not running(*argv)
    (event,) = Files(tsm.home, "web").await_event("hook")
    assert (event["hook"], event["output"]) == ("pre_stop", "")


def test_delete_leaves_no_hook_running_and_keeps_no_restart_waiting(tsm: Tsm, gate: Gate) -> None:
    argv = long_sleep()
    ends = tsm.cwd / "ended"
    options = ["--on-crash", f"sleep 0; exec {' '.join(argv)}", "--post-stop", f"echo >>{ends}"]
    tsm("start", gate.command, "--name", "web", *options)
    gate.open(3)
    Files(tsm.home, "web").await_event("restart")
    eventually(lambda: running(*argv))
    tsm("delete", "web")
    assert not running(*argv)
    assert ends.read_text() == "\n\n"


def test_a_failure_that_nobody_waits_for_stands_in_the_log(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--post-start", "echo hot; exit 4")
    log = Files(tsm.home, "web").folder / "hooks.log"
    eventually(lambda: log.read_text() == "hot\ntsm: post_start ended with 4\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_hooks_are_the_users(tsm: Tsm) -> None:
    tsm.cwd.chmod(0o755)
    options = ["--user", "nobody", "--cwd", "/", "--post-start", "id -un"]
    tsm("start", "sleep 1000", "--name", "web", *options)
    log = Files(tsm.home, "web").folder / "hooks.log"
    eventually(lambda: log.read_text() == "nobody\n")


def test_a_restart_that_pre_start_forbids_is_tried_again(tsm: Tsm, gate: Gate) -> None:
    broken = tsm.cwd / "broken"
    tsm("start", gate.command, "--name", "web", "--pre-start", f"[ ! -e {broken} ]")
    broken.touch()
    gate.open(3)
    files = Files(tsm.home, "web")
    files.await_event("hook")
    broken.unlink()
    tsm("patrol")
    files.await_event("restart")
