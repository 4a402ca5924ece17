"""`tsm stop`: it returns when all is down, says who needed SIGKILL, and all stays down."""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files, below
from tests.e2e.kernel import children, long_sleep, running, send
from tests.machine import alive
from tests.proc import argv_of
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    from tests.running import Tsm
LATER = ("--delay", "1h", "--max-delay", "1h")


def ends_when_told(gate: Gate) -> tuple[str, ...]:
    """A child that goes on after SIGTERM until its gate is opened, with code 7."""
    told = f"touch {gate.path}.reached; read x <{gate.path}; exit 7"
    return ("sh", "-c", f"trap '{told}' TERM; touch {gate.path}.set; sleep 86399 & wait")


def has_reached(gate: Gate) -> bool:
    """Whether that child has got the signal."""
    return gate.path.with_name(f"{gate.path.name}.reached").exists()


def launched(tsm: Tsm, *argv: str, options: tuple[str, ...] = ()) -> Files:
    """Start a process `web`."""
    tsm("start", "--name", "web", *options, "--", *argv)
    return Files(tsm.home, "web")


def knows(pid: int, word: str) -> bool:
    """Whether the word is among those that the process was executed with."""
    return word in argv_of(pid)


def starts_waiting(tsm: Tsm) -> Files:
    """A process `web` that has crashed, whose launcher sleeps until the restart."""
    tsm("start", "sh -c 'exit 3'", "--name", "web", *LATER)
    files = Files(tsm.home, "web")
    eventually(lambda: [pid for pid in children(files.launcher) if knows(pid, "sleep")])
    return files


class TestAnswer:
    def test_is_one_json_row(self, tsm: Tsm) -> None:
        files = launched(tsm, *long_sleep())
        child, launcher = files.child, files.launcher
        assert tsm("stop", "web").row == {
            "tsm_id": 1,
            "name": "web",
            "action": "stop",
            "status": "stopped",
            "killed": [],
        }
        assert not alive(child)
        eventually(lambda: not alive(launcher))
        assert tsm("ls").row["status"] == "stopped"

    def test_is_a_sentence_on_a_terminal(self, tsm: Tsm) -> None:
        launched(tsm, *long_sleep())
        assert tsm.on_terminal("stop", "web").out == "web: stopped\n"
        assert tsm.on_terminal("stop", "web").out == "web: already stopped\n"

    def test_names_who_needed_sigkill(self, tsm: Tsm) -> None:
        tsm("start", app("ignores_term.py"), "--name", "web", "--stop-timeout", "100ms")
        files = Files(tsm.home, "web")
        eventually(lambda: (files.folder / "current.out").read_text() == "ready\n")
        child = files.child
        (killed,) = tsm("stop", "web").row["killed"]
        assert killed.startswith("python")
        assert killed.endswith(f" (pid {child})")
        assert files.events[-1]["killed"] == [killed]
        assert files.events[-1]["signal"] == "SIGKILL"
        assert not alive(child)

    def test_names_them_on_a_terminal_as_well(self, tsm: Tsm) -> None:
        tsm("start", app("ignores_term.py"), "--name", "web", "--stop-timeout", "100ms")
        files = Files(tsm.home, "web")
        eventually(lambda: (files.folder / "current.out").read_text() == "ready\n")
        child = files.child
        shown = tsm.on_terminal("stop", "web").out
        assert shown.startswith("web: stopped (python")
        assert shown.endswith(f" (pid {child}) needed SIGKILL)\n")

    def test_of_a_stopped_process_is_0_and_changes_nothing(self, tsm: Tsm) -> None:
        files = launched(tsm, *long_sleep())
        tsm("stop", "web")
        before = files.history.read_bytes()
        assert tsm("stop", "web").row["action"] is None
        assert files.history.read_bytes() == before


class TestSignal:
    @pytest.mark.parametrize(("given", "number"), [("INT", 2), ("sigusr1", 10), ("3", 3)])
    def test_is_that_of_the_definition(self, tsm: Tsm, given: str, number: int) -> None:
        ready = tsm.cwd / "ready"
        text = f"trap 'exit 40' {number}; touch {ready}; while :; do sleep 0.01; done"
        launched(tsm, "sh", "-c", text, options=("--stop-signal", given))
        eventually(ready.exists)
        assert tsm("stop", "web").row["killed"] == []
        assert Files(tsm.home, "web").run["exit"] == "40"

    def test_may_be_one_without_a_name(self, tsm: Tsm) -> None:
        launched(tsm, *long_sleep(), options=("--stop-signal", str(signal.SIGRTMIN + 5)))
        assert tsm("stop", "web").row["killed"] == []
        code = int(Files(tsm.home, "web").run["exit"])
        assert code == 128 + signal.SIGRTMIN + 5

    def test_reaches_a_suspended_child(self, tsm: Tsm) -> None:
        files = launched(tsm, *long_sleep())
        send(files.child, signal.SIGSTOP)
        assert tsm("stop", "web").row["killed"] == []
        assert files.run["exit"] == "143"

    def test_is_waited_for_without_a_hurry(self, tsm: Tsm, gate: Gate) -> None:
        files = launched(tsm, *ends_when_told(gate), options=("--stop-timeout", "1h"))
        eventually((tsm.cwd / "gate.set").exists)
        child = files.child
        program = tsm.spawn("stop", "web")
        eventually(lambda: has_reached(gate))
        assert tsm("ls").row["status"] == "stopping"
        assert alive(child)
        gate.open()
        assert program.wait() == 0
        assert files.run["exit"] == "7"


class TestDown:
    def test_stays_so_through_patrols(self, tsm: Tsm) -> None:
        argv = long_sleep()
        launched(tsm, *argv)
        tsm("stop", "web")
        assert tsm("patrol").out == ""
        assert running(*argv) == []

    def test_leaves_neither_pid_file_nor_link(self, tsm: Tsm) -> None:
        files = launched(tsm, *long_sleep())
        assert files.pid_file.exists()
        tsm("stop", "web")
        assert not files.pid_file.exists()
        assert not (files.folder / "web.pid").is_symlink()
        assert files.meta["pid"] is None
        assert files.meta["status"] == "stopped"

    def test_is_in_the_history_with_signal_and_uptime(self, tsm: Tsm) -> None:
        files = launched(tsm, *long_sleep())
        tsm("stop", "web")
        start, stop = files.events
        assert (start["event"], stop["event"]) == ("start", "stop")
        assert (stop["code"], stop["signal"], stop["run"]) == (143, "SIGTERM", start["run"])
        assert 0 <= stop["uptime_s"] <= stop["time"] - start["time"] + 0.1

    @pytest.mark.parametrize("when", ["no", "on-failure"])
    def test_is_what_a_completed_process_becomes(self, tsm: Tsm, when: str) -> None:
        tsm("start", "true", "--name", "web", "--restart", when)
        eventually(lambda: tsm("ls").row["status"] == "completed")
        assert tsm("stop", "web").row["action"] is None
        assert tsm("ls").row["status"] == "stopped"

    def test_of_an_errored_process_does_not_say_that_it_was_stopped_before(self, tsm: Tsm) -> None:
        tsm("start", "false", "--name", "web", "--max-retries", "0", "--retry-after", "1h")
        eventually(lambda: tsm("ls").row["status"] == "errored")
        assert tsm.on_terminal("stop", "web").out == "web: stopped\n"
        assert tsm.on_terminal("stop", "web").out == "web: already stopped\n"

    def test_beats_a_pending_restart(self, tsm: Tsm) -> None:
        files = starts_waiting(tsm)
        assert tsm("stop", "web").row["action"] == "stop"
        assert tsm("ls").row["status"] == "stopped"
        assert tsm("patrol").out == ""
        assert "restart" not in files.event_names()

    def test_ends_the_launcher_of_a_waiting_process_and_its_sleep(self, tsm: Tsm) -> None:
        files = starts_waiting(tsm)
        launcher = files.launcher
        (sleep,) = children(launcher)
        tsm("stop", "web")
        eventually(lambda: not alive(launcher) and not alive(sleep))

    def test_ends_a_launcher_that_is_about_to_sleep(self, tsm: Tsm, gate: Gate) -> None:
        """Its patrol has told it to wait, and it has not begun to."""
        files = launched(tsm, "sh", "-c", f"read x <{gate.path}; exit 3", options=LATER)
        launcher = files.launcher
        with files.lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            gate.open()
            (patrol,) = eventually(lambda: [p for p in children(launcher) if knows(p, "patrol")])
            send(launcher, signal.SIGSTOP)
        eventually(lambda: not alive(patrol))
        tsm("stop", "web")
        with suppress(ProcessLookupError):
            os.kill(launcher, signal.SIGCONT)
        eventually(lambda: not alive(launcher))

    def test_ends_an_errored_process_for_good(self, tsm: Tsm) -> None:
        tsm("start", "sh -c 'exit 3'", "--name", "web", "--max-retries", "0")
        eventually(lambda: tsm("ls").row["status"] == "errored")
        assert tsm("stop", "web").status == 0
        assert tsm("ls").row["status"] == "stopped"


class TestMany:
    def test_are_stopped_at_once_and_not_one_after_the_other(self, tsm: Tsm) -> None:
        gates = [Gate(tsm.cwd / name) for name in ("a", "b")]
        for gate in gates:
            name = gate.path.name
            tsm("start", "--name", name, "--stop-timeout", "1h", "--", *ends_when_told(gate))
            eventually((tsm.cwd / f"{name}.set").exists)
        program = tsm.spawn("stop", "all")
        eventually(lambda: all(map(has_reached, gates)))
        for gate in reversed(gates):
            gate.open()
        assert program.wait() == 0
        assert {row["status"] for row in tsm("ls").rows} == {"stopped"}

    def test_are_found_by_name_id_port_glob_and_all(self, tsm: Tsm) -> None:
        for name in ("a1", "a2", "b", "c"):
            tsm("start", "--name", name, "--", *long_sleep())
        tsm("start", "--name", "web", "--port", "1", "--", *long_sleep())
        assert [row["name"] for row in tsm("stop", "a*", "3", "web").rows] == [
            *("a1", "a2", "b", "web-1"),
        ]
        assert {row["name"]: row["action"] for row in tsm("stop", "all").rows}["c"] == "stop"

    def test_named_twice_are_stopped_once(self, tsm: Tsm) -> None:
        launched(tsm, *long_sleep())
        assert len(tsm("stop", "web", "1", "w*", "all").rows) == 1

    def test_unknown_name_is_3_and_nobody_is_touched(self, tsm: Tsm) -> None:
        files = launched(tsm, *long_sleep())
        result = tsm("stop", "web", "wab", ok=False)
        assert result.status == 3
        assert result.err == "tsm stop: wab: no such process: did you mean web?\n"
        assert alive(files.child)

    @pytest.mark.parametrize("word", ["99", "x*", "web-9", "1" * 5000, "../web", "", "\udcff"])
    def test_word_that_means_nothing_is_3(self, tsm: Tsm, word: str) -> None:
        files = launched(tsm, *long_sleep())
        result = tsm("stop", word, ok=False)
        assert (result.status, result.err.count("\n")) == (3, 1), result
        assert alive(files.child)

    def test_ambiguous_short_name_is_2_and_nobody_is_touched(self, tsm: Tsm) -> None:
        for port in ("1", "2"):
            tsm("start", "--name", "web", "--port", port, "--", *long_sleep())
        result = tsm("stop", "web", ok=False)
        assert result.status == 2
        assert "web-1" in result.err
        assert "web-2" in result.err
        assert {row["status"] for row in tsm("ls").rows} == {"online"}

    def test_no_name_is_2(self, tsm: Tsm) -> None:
        assert tsm("stop", ok=False).status == 2

    def test_in_an_empty_home_makes_no_file(self, tsm: Tsm) -> None:
        assert tsm("stop", "web", ok=False).status == 3
        assert tsm("stop", "all").out == ""
        assert below(tsm.home) == []


def test_what_takes_long_is_told_on_a_terminal(tsm: Tsm) -> None:
    tsm("start", app("ignores_term.py"), "--name", "web", "--stop-timeout", "1500ms")
    eventually(lambda: "ready" in (tsm.home / "runtime/processes/web/current.out").read_text())
    shown = tsm.on_terminal("stop", "web").out
    assert "waiting for web to end, SIGKILL in" in shown
    assert shown.splitlines()[-1].endswith("needed SIGKILL)")


def test_what_takes_long_is_not_told_to_a_pipe(tsm: Tsm) -> None:
    tsm("start", app("ignores_term.py"), "--name", "web", "--stop-timeout", "1500ms")
    eventually(lambda: "ready" in (tsm.home / "runtime/processes/web/current.out").read_text())
    assert tsm("stop", "web").err == ""
