"""A pid alone is never trusted: nobody else's process is signalled, whatever a file says."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files
from tests.e2e.kernel import bystander, long_sleep, running, start_ticks, state_of
from tests.machine import OLD_BOOT, alive, kill
from tests.proc import argv_of
from tests.running import PROGRAM
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm
    from tests.waiting import Gate


def started(tsm: Tsm) -> Files:
    """A process `web` that is up."""
    tsm("start", "--name", "web", "--", *long_sleep())
    return Files(tsm.home, "web")


def replace_child(files: Files, pid: int, *, ticks: int | None = None) -> None:
    """Let the run record speak of another pid, as if that of the child had come round again."""
    path = files.folder / "run"
    child = files.run["pid"]
    ours = f"{pid} {child.split()[1] if ticks is None else ticks}"
    path.write_text(path.read_text().replace(f"pid {child}\n", f"pid {ours}\n"))


def test_stranger_in_the_pid_file_is_never_signalled(tsm: Tsm) -> None:
    files = started(tsm)
    child = files.child
    with bystander(*long_sleep()) as stranger:
        files.pid_file.write_text(f"{stranger}\n")
        tsm("patrol")
        assert tsm("ls").row["pid"] == child
        tsm("stop", "web")
        assert not alive(child)
        tsm("delete", "web")
        assert alive(stranger)


def test_stranger_in_meta_is_never_signalled(tsm: Tsm) -> None:
    files = started(tsm)
    child = files.child
    with bystander(*long_sleep()) as stranger:
        files.edit("meta.json", pid=stranger)
        assert tsm("ls").row["pid"] == child
        files.edit("meta.json", pid=stranger, ticks=start_ticks(stranger))
        tsm("patrol")
        tsm("stop", "web")
        assert not alive(child)
        tsm("delete", "web")
        assert alive(stranger)


def test_child_whose_first_thread_has_ended_lives_on_and_alone(tsm: Tsm) -> None:
    """The kernel shows it as it shows a zombie, but for the number of threads."""
    tsm("start", app("past_first_thread.py"), "--name", "web", "--stop-timeout", "1h")
    files = Files(tsm.home, "web")
    child = files.child
    eventually(lambda: state_of(child) == "Z")
    assert tsm("patrol").rows == []
    row = tsm("ls").row
    assert (row["status"], row["pid"]) == ("online", child)
    assert row["mem"] > 0
    tsm("pause", "web")
    assert tsm("ls").row["status"] == "paused"
    tsm("resume", "web")
    kill(files.launcher)  # from here on only its environment tells whose it is
    assert tsm("patrol").rows == []
    assert tsm("stop", "web").row["killed"] == []
    assert not alive(child)
    assert files.event_names() == ["start", "pause", "resume", "stop"]


def test_pid_that_came_round_again_is_never_signalled(tsm: Tsm) -> None:
    files = started(tsm)
    kill(files.launcher, files.child)
    with bystander(*long_sleep()) as stranger:
        replace_child(files, stranger)
        files.edit("meta.json", pid=stranger)
        row = tsm("ls").row
        assert (row["status"], row["pid"]) == ("waiting", None)
        tsm("stop", "web")
        assert tsm("ls").row["status"] == "stopped"
        tsm("delete", "web")
        assert alive(stranger)


def test_pid_and_start_time_of_an_earlier_boot_are_never_signalled(tsm: Tsm) -> None:
    """After a reboot, pids and start times alike may be met again."""
    files = started(tsm)
    kill(files.launcher, files.child)
    boot = files.run["boot"]
    with bystander(*long_sleep()) as stranger:
        replace_child(files, stranger, ticks=start_ticks(stranger))
        files.edit("meta.json", pid=stranger, ticks=start_ticks(stranger), boot=OLD_BOOT)
        record = files.folder / "run"
        record.write_text(record.read_text().replace(boot, OLD_BOOT))
        assert tsm("ls").row["status"] == "waiting"
        tsm("stop", "web")
        tsm("delete", "web")
        assert alive(stranger)


def test_pid_that_came_round_again_keeps_no_process_from_its_restart(tsm: Tsm) -> None:
    files = started(tsm)
    kill(files.launcher, files.child)
    with bystander(*long_sleep()) as stranger:
        replace_child(files, stranger)
        eventually(lambda: tsm("patrol").rows)
        assert tsm("ls").row["pid"] not in (None, stranger)
        assert alive(stranger)


def test_program_of_the_same_user_with_the_same_command_line_lives(tsm: Tsm) -> None:
    argv = long_sleep()
    with bystander(*argv) as stranger:
        tsm("start", "--name", "web", "--", *argv)
        assert len(running(*argv)) == 2
        tsm("restart", "web")
        tsm("stop", "web")
        tsm("delete", "all")
        assert running(*argv) == [stranger]


def test_program_that_carries_the_mark_of_another_run_lives(
    tsm: Tsm, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = started(tsm)
    monkeypatch.setenv("TSM_RUN", files.run["id"][:-1])  # not quite
    monkeypatch.setenv("TSM_NAME", "web")
    with bystander(*long_sleep()):
        tsm("delete", "all")


def test_process_that_a_child_has_started_outlives_its_stop(tsm: Tsm, gate: Gate) -> None:
    inner = long_sleep()
    start = shlex.join([str(PROGRAM), "start", "--name", "inner", "--", *inner])
    tsm("start", "--name", "outer", "--", "sh", "-c", f"{start}; read x <{gate.path}")
    outer = Files(tsm.home, "outer")
    eventually(lambda: '"name":"inner"' in (outer.folder / "current.out").read_text())
    (pid,) = running(*inner)
    tsm("stop", "outer")
    assert running(*inner) == [pid]
    assert tsm("ls", "inner").row["status"] == "online"
    kill(pid)  # nor is its launcher gone
    Files(tsm.home, "inner").await_event("crash")


def test_pid_file_holds_the_child_of_each_run(tsm: Tsm) -> None:
    files = started(tsm)
    for _ in range(3):
        pid = tsm("restart", "web").row["pid"]
        assert files.pid_file.read_text() == f"{pid}\n"
        assert (files.folder / "web.pid").read_text() == f"{pid}\n"
        assert files.meta["pid"] == pid == files.child
        assert files.meta["ticks"] == start_ticks(pid)
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        assert files.meta["boot"] == files.run["boot"] == boot


def test_two_homes_know_nothing_of_each_other(tsm: Tsm) -> None:
    argv = long_sleep()
    other = {"TSM_HOME": str(tsm.cwd / "other")}
    tsm("start", "--name", "web", "--", *argv)
    tsm("start", "--name", "web", "--", *argv, env=other)
    try:
        assert len(running(*argv)) == 2
        tsm("delete", "all")
        (left,) = running(*argv)
        assert tsm("ls", env=other).row["pid"] == left
    finally:
        tsm("delete", "all", env=other)
    assert running(*argv) == []


def test_tsm_itself_is_never_taken_for_a_member_of_the_run(tsm: Tsm, gate: Gate) -> None:
    """A child may stop, restart or delete the process that it is."""
    restart = shlex.join([str(PROGRAM), "restart", "web"])
    text = f"read x <{gate.path}; {restart} >{tsm.cwd}/said; read x <{gate.path}"
    tsm("start", "--name", "web", "--", "sh", "-c", text)
    files = Files(tsm.home, "web")
    first = files.child
    gate.open()
    second = files.await_next_child(first)
    eventually(lambda: '"action":"restart"' in (tsm.cwd / "said").read_text())
    assert argv_of(second)[:2] == ["sh", "-c"]
    assert not alive(first)
    assert files.event_names() == ["start", "stop", "restart"]
    assert running(*argv_of(second)) == [second]
    assert os.getpgid(second) == second


@pytest.mark.parametrize("command", ["restart", "stop", "delete"])
def test_child_that_has_become_tsm_itself_gets_to_the_end_of_it(
    tsm: Tsm, gate: Gate, command: str
) -> None:
    """The last command of a line of shell takes the place of the shell, tsm's as well."""
    tsm("start", f"read x <{gate.path}; {PROGRAM} {command} web", "--name", "web")
    files = Files(tsm.home, "web")
    first, launcher = files.child, files.launcher
    gate.open()
    eventually(lambda: not alive(first) and not alive(launcher))
    match command:
        case "restart":
            row = eventually(lambda: tsm("ls").row if tsm("ls").row["pid"] else {})
            assert (row["status"], row["restarts"]) == ("online", 1)
        case "stop":
            assert tsm("ls").row["status"] == "stopped"
        case _:
            assert tsm("ls").rows == []
    assert tsm("patrol").out == ""


@pytest.mark.parametrize("up", [True, False])
def test_delete_of_a_broken_process_takes_nobody_who_works_in_its_directory(
    tsm: Tsm, *, up: bool
) -> None:
    """With its run record, tsm has lost sight of who belongs to it, and who does not."""
    argv = long_sleep()
    tsm("start", "--name", "web", "--", *argv)
    files = Files(tsm.home, "web")
    if not up:
        tsm("stop", "web")
    other = tsm("start", "--name", "other", "--cwd", files.folder, "--", *long_sleep()).row["pid"]
    if up:
        tsm("restart", "web")  # so that the other is the older one
    (files.folder / "run").write_bytes(b"pid\n")
    tsm("delete", "web", ok=None)
    assert alive(other)
    assert tsm("ls", "other").row["status"] == "online"
    assert Files(tsm.home, "other").event_names() == ["start"]
    for pid in running(*argv):  # those that delete has left are no survivors: nobody knows them
        kill(pid)
