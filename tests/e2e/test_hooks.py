"""Hooks: commands at turns of a process's life, waited for only where that is promised."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files
from tests.e2e.kernel import long_sleep, running
from tests.machine import kill, reboot
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


def test_while_pre_start_runs_the_process_is_launching(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    turn = Gate(tsm.cwd / "turn")
    tsm("set", "web", f"pre-start={turn.command}")
    with tsm.spawn("restart", "web") as restart:
        eventually(lambda: tsm("ls").row["status"] == "launching")
        turn.open(3)
        assert restart.wait() == 7
    assert tsm("ls").row["status"] == "waiting"


def test_a_failing_pre_start_is_why_a_process_waits(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--min-uptime", "0")
    tsm("set", "web", "pre-start=echo no database; exit 3")
    said = "not started: pre_start exited with 3: no database"
    tsm("restart", "web", ok=False)
    row = tsm("ls").row
    assert (row["status"], row["reason"]) == ("waiting", f"{said}, next try at the next patrol")
    tsm("set", "web", "pre-start=")
    tsm("patrol")
    assert tsm("ls").row["status"] == "online"
    tsm("set", "web", "pre-start=echo no database; exit 3")
    files = Files(tsm.home, "web")
    kill(files.launcher, files.child)
    assert "no database" not in tsm("ls").row["reason"]  # nobody has tried yet
    assert said in tsm("patrol", ok=False).err
    row = tsm("ls").row
    assert row["reason"] == f"{said}, next try at the next patrol"
    assert row["next"] is None


def meeting(tsm: Tsm) -> None:
    """Two processes, up, whose pre_start hooks end only if both run at the same time."""
    for name, meet in (("a", "echo >meet"), ("b", "read word <meet")):
        hook = f"[ ! -p meet ] || {meet}"
        tsm("start", "sleep 1000", "--name", name, "--pre-start", hook, "--hook-timeout", "30s")
    os.mkfifo(tsm.cwd / "meet")


def both_up(tsm: Tsm) -> bool:
    return [row["status"] for row in tsm("ls").rows] == ["online"] * 2


def test_hooks_of_many_processes_run_side_by_side(tsm: Tsm) -> None:
    meeting(tsm)
    tsm("restart", "all")
    tsm("stop", "all")
    tsm("start", "all")
    assert both_up(tsm)
    tsm("save")
    tsm("delete", "all")
    tsm("resurrect")
    assert both_up(tsm)
    reboot(tsm)
    tsm("resurrect")
    assert both_up(tsm)


def test_a_patrol_has_hooks_run_side_by_side_as_well_and_after_all_else(tsm: Tsm) -> None:
    meeting(tsm)
    tsm("start", "sleep 1000", "--name", "c")
    reboot(tsm)
    done = tsm("patrol").rows
    assert done[0]["name"] == "c"
    assert sorted(row["name"] for row in done) == ["a", "b", "c"]
    assert [row["status"] for row in tsm("ls").rows] == ["online"] * 3


def test_a_process_waits_for_its_own_hook_alone(tsm: Tsm, gate: Gate) -> None:
    hook = f"[ ! -p {gate.path} ] || read code <{gate.path}"
    for name in ("a", "b"):
        tsm("start", "echo up; exec sleep 1000", "--name", name)
    tsm("set", "a", f"pre-start={hook}")
    b = Files(tsm.home, "b")
    tsm("stop", "all")
    starting = tsm.spawn("start", "a", "b")
    eventually(lambda: (b.folder / "current.out").read_text() == "up\n" * 2)
    gate.open()
    assert starting.wait() == 0
    assert both_up(tsm)


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
    line = r"hot\n[0-9-]{10}T[0-9:]{8}Z tsm: post_start ended with 4\n"
    eventually(lambda: re.fullmatch(line, log.read_text()))


def test_a_log_that_cannot_be_written_keeps_nobody_from_being_stopped(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--pre-stop", "exit 3")
    (Files(tsm.home, "web").folder / "hooks.log").mkdir()
    assert tsm("stop", "web").row["status"] == "stopped"


def test_a_large_log_is_set_aside_and_the_next_hook_begins_another(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--pre-stop", "echo asked")
    log = Files(tsm.home, "web").folder / "hooks.log"
    full = "x" * (1 << 20) + "\n"
    log.write_text(full)
    tsm("stop", "web")
    assert (log.read_text(), log.with_name("hooks.log.1").read_text()) == ("asked\n", full)
    tsm("restart", "web")
    tsm("stop", "web")
    assert log.read_text() == "asked\n" * 2
    assert log.with_name("hooks.log.1").read_text() == full
    assert tsm("check").out == ""


def test_of_a_hook_that_floods_the_end_is_kept(tsm: Tsm) -> None:
    flood = "yes | head -c 3000000; echo; echo at last >&2"
    tsm("start", "sleep 1000", "--name", "web", "--pre-stop", flood)
    log = Files(tsm.home, "web").folder / "hooks.log"
    tsm("stop", "web")
    assert log.stat().st_size == 1 << 20
    assert log.read_text().endswith("y\n\nat last\n")


def test_pre_stop_comes_before_a_delete_as_well(tsm: Tsm) -> None:
    asked = tsm.cwd / "asked"
    hook = f'echo "$TSM_REASON $(kill -0 $TSM_PID && echo alive)" >>{asked}'
    tsm("start", "sleep 1000", "--name", "web", "--pre-stop", hook)
    tsm("delete", "web")
    assert asked.read_text() == "stop alive\n"


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
    eventually(lambda: tsm("patrol").status == 0 and "restart" in files.event_names())
