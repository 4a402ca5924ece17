"""tsm wait: until it has ended, is online, is down for good; and with which exit status."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files
from tests.following import holds_pidfd
from tests.machine import alive, child_and_launcher, kill, processes
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.running import Tsm

ONCE = ("--restart", "no")
AT_ONCE = ("--min-uptime", "0", "--delay", "0")


def waiting(tsm: Tsm, *argv: str) -> subprocess.Popen[str]:
    """A `tsm wait` that has got as far as waiting for the kernel to tell of an end, or failed."""
    program = tsm.spawn("wait", *argv)
    eventually(lambda: program.poll() is not None or holds_pidfd(program.pid))
    return program


def ended(program: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit status and the streams of a `tsm wait`, once it has ended."""
    out, err = program.communicate(timeout=30)
    return program.returncode, out, err


@pytest.mark.parametrize("code", [0, 3, 255])
def test_the_exit_code_of_the_child_is_passed_on(tsm: Tsm, gate: Gate, code: int) -> None:
    tsm("start", gate.command, "--name", "web", *ONCE)
    program = waiting(tsm, "web")
    gate.open(code)
    assert ended(program) == (code, "", "")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_child_killed_by_a_signal_is_128_and_its_number(tsm: Tsm, number: int) -> None:
    tsm("start", "sleep 1000", "--name", "web", *ONCE)
    program = waiting(tsm, "web")
    tsm("signal", str(int(number)), "web")
    assert ended(program) == (128 + number, "", "")


def test_a_run_that_is_over_already_counts(tsm: Tsm) -> None:
    tsm("start", "sh -c 'exit 42'", "--name", "web", *ONCE)
    tsm("wait", "--until", "stopped", "web")
    assert tsm("wait", "web", ok=False).status == 42
    assert tsm("wait", "web", ok=False).status == 42


def test_a_stopped_one_has_the_code_of_its_stop(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    assert tsm("wait", "web", ok=False).status == 143


def test_a_run_that_is_followed_by_another_is_told_by_its_own_code(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", *AT_ONCE)
    program = waiting(tsm, "web")
    gate.open(7)
    assert ended(program) == (7, "", "")
    eventually(lambda: tsm("ls", "web").row["restarts"] == 1)
    program = waiting(tsm, "web")
    gate.open(0)
    assert ended(program) == (0, "", "")


def test_a_restart_by_command_ends_the_wait(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    program = waiting(tsm, "web")
    tsm("restart", "web")
    assert ended(program) == (143, "", "")
    assert tsm("ls", "web").row["status"] == "online"


def test_a_delete_ends_the_wait_with_the_code_of_the_child(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    program = waiting(tsm, "web")
    tsm("delete", "web")
    assert ended(program) == (143, "", "")


def test_several_end_with_the_last_and_the_highest_code(tsm: Tsm, tmp_path: Path) -> None:
    gates = {name: Gate(tmp_path / name) for name in ("a", "b", "c")}
    for name, gate in gates.items():
        tsm("start", gate.command, "--name", name, *ONCE)
    program = waiting(tsm, "all")
    for name, code in (("c", 1), ("b", 9), ("a", 3)):
        assert program.poll() is None
        gates[name].open(code)
    assert ended(program) == (9, "", "")


def test_a_process_that_has_never_run_is_0(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    tsm("save")
    tsm("delete", "web")
    tsm("resurrect")
    tsm("wait", "web")


def test_an_end_that_nobody_saw_is_1_once_it_is_noted(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", *ONCE)
    program = waiting(tsm, "web")
    child, launcher = child_and_launcher(tsm, "web")
    kill(launcher, child)
    tsm("patrol")
    assert ended(program) == (1, "", "")


def test_an_end_that_nobody_saw_ends_the_wait_by_itself(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", *ONCE)
    program = waiting(tsm, "web", "--timeout", "5")
    child, launcher = child_and_launcher(tsm, "web")
    kill(launcher, child)
    assert ended(program) == (1, "", "")


def test_online_is_awaited(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("wait", "--until", "online", "web")
    tsm("stop", "web")
    program = tsm.spawn("wait", "--until", "online", "web")
    tsm("start", "web")
    assert ended(program) == (0, "", "")


def test_online_is_awaited_through_the_pause_before_a_restart(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", "--delay", "0.3", "--min-uptime", "60")
    gate.open(1)
    eventually(lambda: tsm("ls", "web").row["status"] == "waiting")
    tsm("wait", "--until", "online", "web")
    assert tsm("ls", "web").row["restarts"] == 1


def test_stopped_is_awaited_until_a_stop(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    program = waiting(tsm, "--until", "stopped", "web")
    tsm("stop", "web")
    assert ended(program) == (0, "", "")
    tsm("wait", "--until", "stopped", "web")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        pytest.param(("--restart", "no"), "stopped", id="not restarted"),
        pytest.param(("--restart", "on-failure", "--success-codes", "3"), "completed", id="done"),
        pytest.param(("--max-retries", "0", "--min-uptime", "60"), "errored", id="given up"),
    ],
)
def test_down_for_good_is_stopped_as_well(
    tsm: Tsm, gate: Gate, options: tuple[str, ...], status: str
) -> None:
    tsm("start", gate.command, "--name", "web", *options)
    program = waiting(tsm, "--until", "stopped", "web")
    gate.open(3)
    assert ended(program) == (0, "", "")
    assert tsm("ls", "web").row["status"] == status


def test_a_crash_that_is_answered_by_a_restart_is_not_stopped(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", *AT_ONCE)
    program = waiting(tsm, "--until", "stopped", "web")
    gate.open(1)
    eventually(lambda: tsm("ls", "web").row["restarts"] == 1)
    assert program.poll() is None
    tsm("stop", "web")
    assert ended(program) == (0, "", "")


@pytest.mark.parametrize(
    ("until", "timeout", "said"),
    [
        ("exit", "0", "its run has not ended"),
        ("exit", "50ms", "its run has not ended"),
        ("stopped", ".05", "it is online, not stopped"),
    ],
)
def test_too_late_is_5_and_says_what_is(tsm: Tsm, until: str, timeout: str, said: str) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    result = tsm("wait", "web", "--until", until, "--timeout", timeout, ok=False)
    assert (result.status, result.out) == (5, "")
    assert result.err == f"tsm wait: web: timed out: {said}\n"
    assert tsm("pid", "web").out == f"{pid}\n"


def test_too_late_for_online_is_5(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    late = tsm("wait", "web", "--until", "online", "--timeout", "50ms", ok=False)
    said = "web: timed out: it is stopped (by command), not online"
    assert (late.status, late.err) == (5, f"tsm wait: {said}\n")


@pytest.mark.parametrize(("until", "timeout"), [("exit", "30d"), ("stopped", "9" * 30)])
def test_a_long_timeout_is_long(tsm: Tsm, gate: Gate, until: str, timeout: str) -> None:
    tsm("start", gate.command, "--name", "web", *ONCE)
    program = waiting(tsm, "web", "--until", until, "--timeout", timeout)
    gate.open(0)
    assert ended(program) == (0, "", "")


def test_who_is_there_in_time_is_0_with_a_timeout(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", *ONCE)
    program = waiting(tsm, "web", "--timeout", "1m")
    gate.open(0)
    assert ended(program) == (0, "", "")


@pytest.mark.parametrize("until", ["exit", "online", "stopped"])
def test_an_unknown_name_is_3(tsm: Tsm, until: str) -> None:
    result = tsm("wait", "nobody", "--until", until, ok=False)
    assert result.status == 3
    assert result.err.startswith("tsm wait: nobody: no such process")


def test_who_is_deleted_meanwhile_is_3(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    program = tsm.spawn("wait", "--until", "online", "web")
    tsm("delete", "web")
    status, out, err = ended(program)
    assert (status, out) == (3, "")
    assert err.startswith("tsm wait: web: ")


@pytest.mark.parametrize("argv", [("--timeout", "soon"), ("--timeout", "-1"), ("--until", "noon")])
def test_nonsense_is_2(tsm: Tsm, argv: tuple[str, ...]) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    result = tsm("wait", "web", *argv, ok=False)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1


def test_a_broken_record_is_6(tsm: Tsm) -> None:
    tsm("start", "true", "--name", "web", *ONCE)
    tsm("wait", "web")
    launcher = Files(tsm.home, "web").launcher
    eventually(lambda: not alive(launcher))  # it would look at the record for ever
    (processes(tsm) / "web/run").write_bytes(b"garbage\n")
    result = tsm("wait", "web", ok=False)
    assert result.status == 6
    assert "processes/web/run" in result.err


def test_an_app_that_ignores_term_is_awaited_until_it_is_killed(tsm: Tsm) -> None:
    tsm("start", app("ignores_term.py"), "--name", "web", "--stop-timeout", "0.2")
    eventually(lambda: (processes(tsm) / "web/current.out").read_text() == "ready\n")
    program = waiting(tsm, "web")
    tsm("stop", "web")
    assert ended(program) == (137, "", "")
