"""A run is all that came of it: a stop takes all, a crash leaves nothing behind."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.apps.floods import line
from tests.e2e.files import Files
from tests.e2e.kernel import children, long_sleep, running, send, session_of
from tests.machine import alive, kill
from tests.proc import argv_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running import Tsm
    from tests.waiting import Gate

# A child whose only descendant has a session of its own and no environment at all.
BARE = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    os.execve("/bin/sleep", sys.argv[1:], {})
signal.pause()
"""
# A child whose grandchild has lost its parent and its environment, not its session.
ORPHAN = """
import os, signal, sys
parent = os.fork()
if parent == 0:
    if os.fork() == 0:
        os.execve("/bin/sleep", sys.argv[1:], {})
    os._exit(0)
os.waitpid(parent, 0)
signal.pause()
"""
# A child that moves to a session of its own, which tsm did not give it.
MOVED = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv("/bin/sleep", sys.argv[1:])
    os._exit(0)
signal.pause()
"""


def forks(tsm: Tsm, *options: str) -> dict[str, int]:
    """Start forks.py as `web`; who is there."""
    said = tsm.cwd / "pids.json"
    tsm("start", app("forks.py", said), "--name", "web", *options)
    pids: dict[str, int] = eventually(lambda: json.loads(said.read_bytes()))
    return pids


class TestStop:
    def test_takes_children_and_strays_and_names_who_was_stubborn(self, tsm: Tsm) -> None:
        pids = forks(tsm, "--stop-timeout", "200ms")
        (killed,) = tsm("stop", "web").row["killed"]
        assert killed.endswith(f"(pid {pids['stubborn']})")
        assert not any(alive(pid) for pid in pids.values())

    @pytest.mark.parametrize("command", ["restart", "delete"])
    def test_is_as_thorough_in_other_commands(self, tsm: Tsm, command: str) -> None:
        pids = forks(tsm, "--stop-timeout", "200ms")
        tsm(command, "web")
        assert not any(alive(pid) for pid in pids.values())

    @pytest.mark.parametrize("code", [BARE, ORPHAN, MOVED], ids=["bare", "orphan", "moved"])
    def test_takes_descendants_that_are_hard_to_know(self, tsm: Tsm, code: str) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--", sys.executable, "-S", "-c", code, *argv)
        eventually(lambda: len(running(*argv)) == 1)
        tsm("stop", "web")
        assert running(*argv) == []

    def test_takes_what_is_born_while_it_works(self, tsm: Tsm) -> None:
        argv = long_sleep()
        born = shlex.join(argv)
        text = f"trap '{born} & {born} & exit 0' TERM; touch ready; sleep 86399 & wait"
        tsm("start", "--name", "web", "--", "sh", "-c", text)
        eventually((tsm.cwd / "ready").exists)
        tsm("stop", "web")
        assert running(*argv) == []

    def test_takes_a_suspended_grandchild(self, tsm: Tsm, gate: Gate) -> None:
        argv = long_sleep()
        tsm("start", f"{shlex.join(argv)} & read x <{gate.path}; true", "--name", "web")
        (pid,) = eventually(lambda: running(*argv))
        send(pid, signal.SIGSTOP)
        assert tsm("stop", "web").row["killed"] == []
        assert running(*argv) == []

    def test_takes_a_child_that_has_not_got_to_its_program(self, tsm: Tsm) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--", *argv)
        tsm("stop", "web")
        files = Files(tsm.home, "web")
        last = files.run["id"]
        child, launcher = held_before_its_exec(tsm, files, last)
        tsm("stop", "web")
        assert not alive(child)
        eventually(lambda: not alive(launcher))

    def test_of_a_child_before_its_program_is_never_followed_by_two(
        self, tsm: Tsm, gate: Gate
    ) -> None:
        argv = ("sh", "-c", f"read x <{gate.path}")
        tsm("start", "--name", "web", "--", *argv)
        tsm("stop", "web")
        files = Files(tsm.home, "web")
        child, _ = held_before_its_exec(tsm, files, files.run["id"])
        tsm("stop", "web")
        fifo = files.folder / "current.out"
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # whoever waits there goes on
        try:
            tsm("start", "web")
            eventually(lambda: "launch.sh" not in "".join(argv_of(child)[:2]))
            assert running(*argv) == [files.child]
        finally:
            os.close(reader)


def held_before_its_exec(tsm: Tsm, files: Files, last: str) -> tuple[int, int]:
    """Start `web`, and kill that command while the child waits in its launcher's code.

    There it opens current.out, which is a FIFO here that nobody reads.
    """
    out = files.folder / "current.out"
    out.unlink()
    os.mkfifo(out)
    program = tsm.spawn("start", "web")
    eventually(lambda: files.run["id"] != last and "begun" in files.run)
    program.kill()
    program.wait()
    return files.child, files.launcher


class TestCrash:
    def test_ten_leave_no_orphan_of_earlier_runs(self, tsm: Tsm, gate: Gate) -> None:
        argv = long_sleep()
        text = f"{shlex.join(argv)} & read code <{gate.path}; exit $code"
        options = ("--delay", "0", "--max-retries", "100")
        tsm("start", "--name", "web", *options, "--", "sh", "-c", text)
        files = Files(tsm.home, "web")
        for count in range(1, 11):
            gate.open(count)
            files.await_event("restart", count)
        eventually(lambda: len(running(*argv)) == 1)
        assert session_of(running(*argv)[0]) == files.child
        assert [event["code"] for event in files.events if event["event"] == "crash"] == [
            *range(1, 11),
        ]
        tsm("stop", "web")
        assert running(*argv) == []

    def test_ends_what_the_run_has_left_in_other_sessions(self, tsm: Tsm, gate: Gate) -> None:
        argv = long_sleep()
        text = f"setsid {shlex.join(argv)} & read code <{gate.path}; exit $code"
        tsm("start", "--name", "web", "--restart", "no", "--", "sh", "-c", text)
        eventually(lambda: len(running(*argv)) == 1)
        gate.open(3)
        eventually(lambda: running(*argv) == [])
        assert tsm("ls").row["reason"] == "exited with 3"


class TestLauncher:
    def test_is_a_parent_with_one_child(self, tsm: Tsm) -> None:
        pid = tsm("start", "--name", "web", "--", *long_sleep()).row["pid"]
        launcher = Files(tsm.home, "web").launcher
        assert children(launcher) == [pid]
        assert session_of(launcher) == launcher
        assert argv_of(launcher)[0] == "sh"

    def test_killed_leaves_the_child_online_and_stoppable(self, tsm: Tsm) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--", *argv)
        files = Files(tsm.home, "web")
        child = files.child
        kill(files.launcher)
        row = tsm("ls").row
        assert (row["status"], row["pid"]) == ("online", child)
        assert tsm("patrol").out == ""
        assert tsm("start", "web").row["action"] is None
        assert running(*argv) == [child]
        assert tsm("stop", "web").row["killed"] == []
        assert not alive(child)
        stop = files.events[-1]
        assert (stop["event"], stop["code"]) == ("stop", None)
        assert "signal" not in stop
        assert tsm("ls").row["status"] == "stopped"

    def test_killed_before_the_child_crashes_leaves_that_to_patrol(
        self, tsm: Tsm, gate: Gate
    ) -> None:
        tsm("start", gate.command, "--name", "web", "--min-uptime", "0")
        files = Files(tsm.home, "web")
        child = files.child
        kill(files.launcher)
        gate.open(3)
        eventually(lambda: not alive(child))
        assert tsm("ls").row["status"] == "waiting"
        assert tsm("patrol").row["action"] == "restart"
        (crash,) = (event for event in files.events if event["event"] == "crash")
        assert crash["code"] is None
        assert tsm("ls").row["restarts"] == 1

    def test_that_gets_the_usual_signals_stays(self, tsm: Tsm, gate: Gate) -> None:
        tsm("start", gate.command, "--name", "web", "--restart", "no")
        files = Files(tsm.home, "web")
        for number in (1, 2, 3, 10, 12, 13, 14, 15):
            send(files.launcher, number)
        gate.open(3)
        eventually(lambda: files.run["exit"] == "3")

    def test_stopped_goes_on_once_its_child_is_waited_for(self, tsm: Tsm, gate: Gate) -> None:
        tsm("start", gate.command, "--name", "web", "--min-uptime", "0")
        files = Files(tsm.home, "web")
        child = files.child
        send(files.launcher, signal.SIGSTOP)
        gate.open(3)
        eventually(lambda: not alive(child))
        row = tsm("ls").row
        assert (row["status"], row["pid"]) == ("waiting", None)
        assert "launcher" in row["reason"]
        assert tsm("patrol").row["action"] == "restart"
        (crash,) = (event for event in files.events if event["event"] == "crash")
        assert crash["code"] == 3

    @pytest.mark.parametrize("frozen", [True, False])
    def test_carries_no_byte_of_output(self, tsm: Tsm, *, frozen: bool) -> None:
        lines = 50_000
        size = sum(len(line(number)) for number in range(lines))
        tsm("start", app("floods.py", str(lines)), "--name", "web")
        files = Files(tsm.home, "web")
        if frozen:
            send(files.launcher, signal.SIGSTOP)
        else:
            kill(files.launcher)
        out: Path = files.folder / "current.out"
        eventually(lambda: out.stat().st_size >= size)
        assert out.read_bytes() == b"".join(map(line, range(lines)))
        if frozen:
            send(files.launcher, signal.SIGCONT)
