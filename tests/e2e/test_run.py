"""`tsm run`: a process in the foreground; its output, its signals and its end are passed on."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files, below
from tests.e2e.kernel import long_sleep
from tests.following import following
from tests.machine import alive
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm
    from tests.waiting import Gate


def test_passes_on_every_byte_and_the_exit_code_and_leaves_a_process_that_is_down(tsm: Tsm) -> None:
    for code in (3, 4):  # the second is defined anew, and its log begins in the middle
        result = tsm("run", f"printf 'a\\n\\377torn'; echo oops >&2; exit {code}", "--name", "web",
                     ok=False)  # fmt: skip
        assert (result.status, result.out, result.err) == (code, "a\n\udcfftorn", "oops\n")
    files = Files(tsm.home, "web")
    assert tsm("ls").row["status"] == "stopped"
    assert (files.spec["restart"]["when"], files.event_names()[-2:]) == ("no", ["start", "crash"])


def test_several_words_are_an_argv(tsm: Tsm) -> None:
    assert tsm("run", "printf", "%s,", "a b", "$HOME").out == "a b,$HOME,"


def test_a_child_that_a_signal_ends_is_128_and_its_number(tsm: Tsm) -> None:
    assert tsm("run", "kill -9 $$", "--name", "web", ok=False).status == 128 + 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_is_stopped_gracefully_and_shows_the_last_words(tsm: Tsm, number: int) -> None:
    script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done"
    with following(tsm, "run", "--name", "web", "--", "sh", "-c", script) as running:
        running.shows(b"ready\n")
        running.program.send_signal(number)
        running.shows(b"ready\nbye\n")
        assert running.program.wait(30) == 7
    assert Files(tsm.home, "web").event_names() == ["start", "stop"]
    assert tsm("ls").row["status"] == "stopped"


def test_other_signals_go_to_the_child(tsm: Tsm) -> None:
    with following(tsm, "run", app("says_signals.py"), "--name", "web") as running:
        running.shows(b"ready\n")
        running.program.send_signal(signal.SIGHUP)
        running.shows(b"ready\n0 SIGHUP\n")
        running.program.send_signal(signal.SIGUSR1)
        running.shows(b"ready\n0 SIGHUP\n0 SIGUSR1\n")


def test_buries_orphans_of_the_run(tsm: Tsm, gate: Gate) -> None:
    script = f"sh -c 'sleep 0.01 & echo $!'; read x <{gate.path}"
    with following(tsm, "run", "--name", "web", "--", "sh", "-c", script) as running:
        orphan = eventually(lambda: int(running.out))
        eventually(lambda: not Path(f"/proc/{orphan}").exists())
        assert running.program.poll() is None
        gate.open()
        assert running.program.wait(30) == 0


def test_stays_through_restarts_if_it_is_asked_to(tsm: Tsm, gate: Gate) -> None:
    command = f"sh -c 'echo up; read code < {gate.path}; exit $code'"
    rule = ("--restart", "on-failure", "--min-uptime", "0")
    with following(tsm, "run", command, "--name", "web", *rule) as running:
        running.shows(b"up\n")
        gate.open(1)
        running.shows(b"up\nup\n")
        gate.open(0)
        assert running.program.wait(30) == 0
    assert tsm("ls").row["status"] == "completed"


def test_killed_it_leaves_the_app_running(tsm: Tsm) -> None:
    with following(tsm, "run", "--name", "web", "--", *long_sleep()) as running:
        pid = eventually(lambda: Files(tsm.home, "web").child)
        eventually(lambda: tsm("ls").row["status"] == "online")
        running.program.kill()
        running.program.wait()
    assert alive(pid)
    assert (tsm("ls").row["status"], tsm("ls").row["pid"]) == ("online", pid)


def test_whoever_stops_it_ends_it_and_a_reader_that_goes_does_not(tsm: Tsm) -> None:
    program = tsm.spawn("run", app("floods.py", "20000"), "--name", "web")
    assert program.stdout is not None
    program.stdout.close()
    eventually(lambda: (Files(tsm.home, "web").folder / "current.out").stat().st_size > 100_000)
    assert program.poll() is None
    tsm("stop", "web")
    assert program.wait(30) == 128 + signal.SIGTERM


def test_a_process_that_is_up_and_one_that_cannot_start_are_refused(tsm: Tsm) -> None:
    tsm("start", "--restart", "no", "--name", "web", "--", *long_sleep())
    result = tsm("run", "--name", "web", "--", *long_sleep(), ok=False)
    assert (result.status, "web is up" in result.err) == (1, True)
    tsm("delete", "web")
    result = tsm("run", "no-such-program", ok=False)
    assert (result.status, len(result.err.splitlines())) == (7, 1)
    assert tsm("run", ok=False).status == 2
    assert below(tsm.home / "runtime/processes") == []
