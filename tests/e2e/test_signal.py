"""tsm signal: to the child, to its tree, to nobody else."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.machine import processes
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm

SAYS = "says_signals.py"


def said(tsm: Tsm, name: str = "web") -> list[str]:
    """The lines on its stdout."""
    return (processes(tsm) / name / "current.out").read_text().splitlines()


def start(tsm: Tsm, name: str = "web", generations: int = 0) -> int:
    """The pid of a child that says which signals it gets, with so many descendants."""
    pid: int = tsm("start", app(SAYS, str(generations)), "--name", name).row["pid"]
    eventually(lambda: "ready" in said(tsm, name))
    return pid


@pytest.mark.parametrize("word", ["USR1", "SIGUSR1", "sigusr1", "usr1", str(int(signal.SIGUSR1))])
def test_the_child_gets_it(tsm: Tsm, word: str) -> None:
    pid = start(tsm)
    assert tsm("signal", word, "web").row == {"name": "web", "signal": "SIGUSR1", "pids": [pid]}
    eventually(lambda: "0 SIGUSR1" in said(tsm))


def test_people_read_a_sentence(tsm: Tsm) -> None:
    pid = start(tsm)
    assert tsm.on_terminal("signal", "HUP", "web").out == f"web: SIGHUP sent to pid {pid}\n"


def test_only_tree_reaches_the_descendants(tsm: Tsm) -> None:
    pid = start(tsm, generations=2)
    tsm("signal", "USR1", "web")
    pids = tsm("signal", "--tree", "USR2", "web").row["pids"]
    assert (pids[0], len(pids)) == (pid, 3)
    # What was sent first is heard first: the kernel delivers the lower number before.
    eventually(lambda: {f"{generation} SIGUSR2" for generation in range(3)} <= set(said(tsm)))
    assert [line for line in said(tsm) if "USR1" in line] == ["0 SIGUSR1"]


@pytest.mark.parametrize("word", ["NOPE", "SIGNOPE", "0", "65", "", "SIG", "SIG_DFL", "TERM "])
def test_a_bad_name_is_2_and_nobody_gets_anything(tsm: Tsm, word: str) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    result = tsm("signal", word, "web", ok=False)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"tsm signal: {word!r}: no such signal")
    assert tsm("pid", "web").out == f"{pid}\n"


def test_one_that_is_down_is_1_and_the_others_get_it(tsm: Tsm) -> None:
    start(tsm, "up")
    tsm("start", "sleep 1000", "--name", "down")
    tsm("stop", "down")
    result = tsm("signal", "HUP", "all", ok=False)
    assert result.status == 1
    assert [row["name"] for row in result.rows] == ["up"]
    assert result.err == "tsm signal: down: not running, no signal sent\n"
    eventually(lambda: "0 SIGHUP" in said(tsm, "up"))


def test_an_unknown_name_is_3_and_the_others_get_nothing(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    assert tsm("signal", "KILL", "web", "nobody", ok=False).status == 3
    assert tsm("pid", "web").out == f"{pid}\n"


def test_who_dies_of_it_has_crashed_and_is_restarted(tsm: Tsm) -> None:
    old = tsm("start", "sleep 1000", "--name", "web", "--min-uptime", "0").row["pid"]
    tsm("signal", "KILL", "web")
    new = int(eventually(lambda: tsm("pid", "web", ok=None).out))
    assert new != old
    events = [row for row in tsm("history", "web").rows if row["event"] == "crash"]
    assert [(row["code"], row["signal"]) for row in events] == [(137, "SIGKILL")]


def test_who_has_got_the_pid_of_a_dead_child_gets_nothing(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    online = json.loads((processes(tsm) / "web/meta.json").read_text())
    tsm("stop", "web")
    with subprocess.Popen(["sleep", "1000"], env=tsm.env) as stranger:
        try:
            meta = {**online, "pid": stranger.pid}
            (processes(tsm) / "web/meta.json").write_text(json.dumps(meta))
            assert tsm("signal", "--tree", "KILL", "web", ok=False).status == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_stopped_child_is_paused(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    tsm("signal", "STOP", "web")
    eventually(lambda: "\nState:\tT" in Path(f"/proc/{pid}/status").read_text())
    assert tsm("ls", "web").row["status"] == "paused"
    tsm("signal", "CONT", "web")
    eventually(lambda: tsm("ls", "web").row["status"] == "online")
