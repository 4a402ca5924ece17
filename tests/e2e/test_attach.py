"""tsm attach: a program of somebody else becomes a process, untouched."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files, environment
from tests.e2e.kernel import children, long_sleep, session_of, start_ticks, state_of
from tests.machine import alive
from tests.proc import argv_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import Tsm


@contextmanager
def program(tsm: Tsm, *argv: str, uid: int | None = None) -> Iterator[int]:
    """The pid of a program that the test has started."""
    with subprocess.Popen(
        argv, env=tsm.env, cwd=tsm.cwd, umask=0o027, stdin=subprocess.DEVNULL, user=uid
    ) as started:
        try:
            yield started.pid
        finally:
            started.kill()


def test_it_is_adopted_as_it_runs(tsm: Tsm) -> None:
    argv = long_sleep()
    with program(tsm, *argv) as pid:
        ticks = start_ticks(pid)
        row = tsm("attach", str(pid), "--name", "web", "max-memory=1G", "env.LEVEL=debug").row
        assert row == {
            "tsm_id": 1,
            "name": "web",
            "action": "attach",
            "status": "online",
            "pid": pid,
        }
        files = Files(tsm.home, "web")
        assert files.spec["argv"] == list(argv)
        assert (files.spec["cwd"], files.spec["umask"]) == (str(tsm.cwd), "0027")
        assert files.spec["limits"] == {"max_memory_bytes": 1 << 30}
        born = environment(Path(f"/proc/{pid}/environ").read_bytes())
        added = {b"PWD": os.fsencode(tsm.cwd), b"TSM_NAME": b"web", b"LEVEL": b"debug"}
        assert files.env == {**born, **added}
        assert [(event["event"], event["pid"]) for event in files.events] == [("attach", pid)]
        assert tsm("patrol").out == ""
        assert tsm("ls").row["pid"] == pid
        said = tsm("logs", "web")
        assert (said.out, said.err.split(":")[2]) == ("", " was attached")
        assert (start_ticks(pid), state_of(pid)) == (ticks, "S")
        assert tsm("check").out == ""


def test_stop_ends_it_with_its_descendants_and_no_bystander(tsm: Tsm) -> None:
    with (
        program(tsm, *long_sleep()) as bystander,
        program(tsm, "sh", "-c", "sleep 1000 & wait") as pid,
    ):
        (below,) = eventually(lambda: children(pid))
        assert session_of(bystander) == session_of(pid)
        tsm("attach", str(pid), "--name", "web")
        tsm("pause", "web")
        assert (state_of(pid), state_of(below), state_of(bystander)) == ("T", "T", "S")
        assert tsm("stop", "web").row["killed"] == []
        assert (alive(pid), alive(below), alive(bystander)) == (False, False, True)
        event = Files(tsm.home, "web").events[-1]
        assert (event["event"], event["code"]) == ("stop", None)


def test_its_end_is_noticed_and_the_next_run_is_a_child_of_tsm(resident: Tsm) -> None:
    tsm = resident
    with program(tsm, "sh", "-c", "echo said; exec sleep 1000") as pid:
        eventually(lambda: argv_of(pid) == ["sleep", "1000"])
        tsm("attach", str(pid), "--name", "web", "min-uptime=0")
        os.kill(pid, 9)
        files = Files(tsm.home, "web")
        child = files.await_next_child(pid)
        eventually(lambda: argv_of(child) == ["sleep", "1000"])
        assert files.launcher
        eventually(lambda: files.event_names() == ["attach", "crash", "restart"])
        assert files.events[1]["code"] is None
        assert tsm("logs", "web").err == ""


def test_who_cannot_be_adopted_is_refused_in_a_line(tsm: Tsm) -> None:
    mine = tsm("start", "sh -c 'sleep 1000 & wait'", "--name", "mine").row["pid"]
    (below,) = eventually(lambda: children(mine))
    launcher = Files(tsm.home, "mine").launcher
    with (
        program(tsm, *long_sleep()) as free,
        program(tsm, "sh", "-c", "sleep 1000 & wait") as parent,
    ):
        (child,) = eventually(lambda: children(parent))
        tsm("attach", str(child), "--name", "child")
        os.kill(free, 9)
        eventually(lambda: state_of(free) == "Z")
        for words, status, said in (
            ((str(2**22 + 1),), 3, "there is no such process"),
            ((), 2, "required: PID (see"),
            (("0",), 2, "not a pid"),
            (("web",), 2, "'web': not a pid"),
            (("1",), 1, "the first process of the system"),
            ((str(os.getpid()),), 1, "is this command, or the shell"),
            ((str(free),), 1, "zombie"),
            ((str(mine),), 1, "belongs to the process mine already"),
            ((str(below),), 1, "belongs to the process mine already"),
            ((str(launcher),), 1, "a part of tsm itself"),
            ((str(child),), 1, "belongs to the process child already"),
            ((str(parent),), 1, "is a parent of the process child"),
            ((str(parent), "nice"), 2, "'nice': not KEY=VALUE"),
            ((str(parent), "nice=99"), 2, "nice 99: not within"),
            ((str(parent), "cwd=/nowhere"), 7, "could not be restarted"),
        ):
            result = tsm("attach", *words, ok=False)
            assert result.status == status, result
            assert said in result.err, result
            assert len(result.err.splitlines()) == 1
        result = tsm("attach", str(mine), env={"TSM_HOME": str(tsm.cwd / "other")}, ok=False)
        assert "the process mine of another home" in result.err
    with program(tsm, *long_sleep()) as free:
        assert "another --name" in tsm("attach", str(free), "--name", "mine", ok=False).err
        assert alive(free)
    assert sorted(row["name"] for row in tsm("ls").rows) == ["child", "mine"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_for_root_one_of_another_user_stays_that_users(tsm: Tsm) -> None:
    with program(tsm, *long_sleep(), uid=65534) as pid:
        tsm("attach", str(pid), "--name", "web", "restart=no")
        assert Files(tsm.home, "web").spec["limits"]["user"] == "65534"


def test_killed_at_any_act_it_leaves_one_instance_that_can_be_attached(tsm: Tsm) -> None:
    act, argv = 2, long_sleep()
    with program(tsm, *argv) as pid:
        while tsm.killed(act, "attach", str(pid), "--name", f"web{act}"):
            tsm("patrol")
            tsm("attach", str(pid), "--name", f"web{act}", ok=None)
            (row,) = tsm("ls").rows
            assert (row["status"], row["pid"]) == ("online", pid), f"killed before act {act}"
            assert Files(tsm.home, row["name"]).event_names() == ["attach"]
            forget(tsm, row["name"])
            act += 4
        assert act > 4, "no act was counted"
        assert alive(pid)


def forget(tsm: Tsm, name: str) -> None:
    """Take the process away from tsm, and leave its child alone."""
    for path in Files(tsm.home, name).folder.iterdir():
        path.unlink()
    Files(tsm.home, name).folder.rmdir()
