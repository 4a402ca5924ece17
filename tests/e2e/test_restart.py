"""`tsm restart`: the old run ends whole before the new one begins, and nothing is asked twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files, environment
from tests.e2e.kernel import children, long_sleep, running, status_field, unrunnable
from tests.machine import alive, kill
from tests.proc import argv_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm
    from tests.waiting import Gate


def variable(pid: int, name: bytes) -> bytes | None:
    return environment(Path(f"/proc/{pid}/environ").read_bytes()).get(name)


def test_answer_is_one_json_row_with_the_new_pid(tsm: Tsm) -> None:
    argv = long_sleep()
    first = tsm("start", "--name", "web", "--", *argv).row["pid"]
    row = tsm("restart", "web").row
    assert running(*argv) == [row["pid"]]
    assert row.pop("pid") != first
    assert row == {
        "tsm_id": 1,
        "name": "web",
        "action": "restart",
        "status": "online",
        "killed": [],
    }
    assert not alive(first)


def test_answer_is_a_sentence_on_a_terminal(tsm: Tsm) -> None:
    tsm("start", "--name", "web", "--", *long_sleep())
    shown = tsm.on_terminal("restart", "web")
    assert shown.out == f"web: restarted (pid {Files(tsm.home, 'web').child})\n"


def test_history_has_the_stop_before_the_restart(tsm: Tsm) -> None:
    tsm("start", "--name", "web", "--", *long_sleep())
    pid = tsm("restart", "web").row["pid"]
    start, stop, restart = Files(tsm.home, "web").events
    assert (start["event"], stop["event"], restart["event"]) == ("start", "stop", "restart")
    assert stop["run"] == start["run"] != restart["run"]
    assert (restart["pid"], restart["restarts"]) == (pid, 1)


def test_restarts_are_counted_and_short_runs_begin_anew(tsm: Tsm) -> None:
    tsm("start", "sh -c 'exit 3'", "--name", "web", "--delay", "0", "--max-retries", "2")
    files = Files(tsm.home, "web")
    eventually(lambda: files.meta["status"] == "errored")
    before = tsm("ls").row
    assert (before["restarts"], before["unstable_restarts"]) == (2, 3)
    tsm("restart", "web")
    assert tsm("ls").row["restarts"] >= 3
    eventually(lambda: files.meta["status"] == "errored")
    assert tsm("ls").row["unstable_restarts"] == 3


def test_what_was_down_is_started_as_well(tsm: Tsm) -> None:
    argv = long_sleep()
    tsm("start", "--name", "web", "--", *argv)
    tsm("stop", "web")
    tsm("restart", "web")
    assert len(running(*argv)) == 1
    assert tsm("ls").row["status"] == "online"
    assert not (Files(tsm.home, "web").folder / "down").exists()


def test_what_waits_for_its_restart_is_restarted_at_once(tsm: Tsm, gate: Gate) -> None:
    delay = ("--delay", "1h", "--max-delay", "1h")
    tsm("start", gate.command, "--name", "web", *delay)
    files = Files(tsm.home, "web")
    launcher = files.launcher
    gate.open(3)
    eventually(lambda: [pid for pid in children(launcher) if "sleep" in argv_of(pid)])
    tsm("restart", "web")
    assert tsm("ls").row["status"] == "online"
    eventually(lambda: not alive(launcher))


def test_environment_and_umask_are_those_of_the_start(tsm: Tsm) -> None:
    argv = " ".join(long_sleep())
    tsm.shell(f"umask 027; A=old tsm start --name web -- {argv}")
    pid = tsm("restart", "web", env={"A": "new"}, cwd=Path("/")).row["pid"]
    assert variable(pid, b"A") == b"old"
    assert status_field(pid, "Umask") == "0027"
    assert Path(f"/proc/{pid}/cwd").readlink() == tsm.cwd


def test_update_env_takes_the_callers_and_keeps_what_options_have_set(tsm: Tsm) -> None:
    (tsm.cwd / "web.env").write_text("FILE=old\n")
    options = ("--env-file", "web.env", "--env", "OPTION=old", "--port", "1")
    tsm("start", "--name", "web", *options, "--", *long_sleep(), env={"CALLER": "old"})
    (tsm.cwd / "web.env").write_text("FILE=new\n")
    caller = {"CALLER": "new", "OPTION": "new", "PORT": "2"}
    pid = tsm("restart", "--update-env", "web", env=caller).row["pid"]
    names = (b"CALLER", b"FILE", b"OPTION", b"PORT")
    assert [variable(pid, name) for name in names] == [b"new", b"new", b"old", b"1"]
    assert Files(tsm.home, "web-1").env[b"CALLER"] == b"new"


def test_definition_changed_by_hand_counts_from_then_on(tsm: Tsm) -> None:
    tsm("start", "--name", "web", "--", *long_sleep())
    argv = long_sleep()
    Files(tsm.home, "web").edit("spec.json", argv=list(argv))
    tsm("restart", "web")
    assert len(running(*argv)) == 1


@pytest.mark.parametrize(
    "what", ["program", "script", "interpreter", "directory", "env file", "environment", "log"]
)
def test_nothing_is_stopped_when_one_could_not_start_again(tsm: Tsm, what: str) -> None:
    folder = tsm.cwd / "folder"
    folder.mkdir()
    (folder / "app").symlink_to("/bin/sleep")
    (folder / "app.env").write_text("A=1\n")
    options = ("--cwd", "folder", "--env-file", "folder/app.env")
    (folder / "app.sh").write_text("exec ./app 86399\n")
    words = "app.sh" if what == "script" else "./app 86399"
    app_pid = tsm("start", words, "--name", "app", *options).row["pid"]
    eventually(lambda: argv_of(app_pid) == ["./app", "86399"])
    web_pid = tsm("start", "--name", "web", "--", *long_sleep()).row["pid"]
    match what:
        case "program":
            (folder / "app").unlink()
        case "interpreter":
            (folder / "app").unlink()
            (folder / "app").write_text("#!/no/such/interpreter\n")
            (folder / "app").chmod(0o755)
        case "script":
            (folder / "app.sh").unlink()
        case "directory":
            folder.rename(tsm.cwd / "elsewhere")
        case "log":
            log = Files(tsm.home, "app").folder / "current.err"
            log.rename(folder / "log")
            log.mkdir()
        case "env file":
            (folder / "app.env").unlink()
        case _:
            (Files(tsm.home, "app").folder / "env").unlink()
    update = ("--update-env",) if what == "env file" else ()
    result = tsm("restart", *update, "all", ok=False)
    assert result.status == (6 if what == "environment" else 7)
    assert result.err.count("\n") == 1
    assert "app" in result.err
    assert alive(app_pid)
    assert alive(web_pid)
    assert {row["status"] for row in tsm("ls").rows} == {"online"}
    assert tsm("patrol").out == ""


def test_program_that_exec_cannot_run_is_reported_and_stays_down(tsm: Tsm) -> None:
    program = tsm.cwd / "odd"
    program.write_text("#!/bin/sh\nexec sleep 86399\n")
    program.chmod(0o755)
    pid = tsm("start", "./odd", "--name", "web").row["pid"]
    eventually(lambda: argv_of(pid) == ["sleep", "86399"])
    unrunnable(program)
    result = tsm("restart", "web", ok=False)
    assert result.status == 7
    assert "cannot execute ./odd" in result.err
    assert tsm("ls").row["status"] == "stopped"


def test_names_who_needed_sigkill(tsm: Tsm) -> None:
    tsm("start", app("ignores_term.py"), "--name", "web", "--stop-timeout", "100ms")
    files = Files(tsm.home, "web")
    eventually(lambda: (files.folder / "current.out").read_text() == "ready\n")
    child = files.child
    (killed,) = tsm("restart", "web").row["killed"]
    assert killed.endswith(f"(pid {child})")


def test_of_several_leaves_each_with_one(tsm: Tsm) -> None:
    argv = long_sleep()
    for name in ("a", "b", "c"):
        tsm("start", "--name", name, "--", *argv)
    before = running(*argv)
    rows = tsm("restart", "a", "b").rows
    assert [row["name"] for row in rows] == ["a", "b"]
    now = running(*argv)
    assert len(now) == 3
    assert len(set(now) & set(before)) == 1


def test_of_an_orphaned_child_ends_it_first(tsm: Tsm) -> None:
    argv = long_sleep()
    tsm("start", "--name", "web", "--", *argv)
    kill(Files(tsm.home, "web").launcher)
    pid = tsm("restart", "web").row["pid"]
    assert running(*argv) == [pid]


def test_unknown_name_is_3_and_nobody_is_touched(tsm: Tsm) -> None:
    pid = tsm("start", "--name", "web", "--", *long_sleep()).row["pid"]
    assert tsm("restart", "web", "else", ok=False).status == 3
    assert alive(pid)
