"""Who survives SIGKILL keeps nobody else from being ended, and is told as what it is: there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import ENDS, Files
from tests.machine import alive
from tests.running import Result
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm

ROOT = Path(__file__).parents[2]
NAMES = ("other", "quick", "stuck")


def started(tsm: Tsm, name: str, timeout: str) -> Files:
    """A process that goes on after SIGTERM."""
    tsm("start", app("ignores_term.py"), "--name", name, "--stop-timeout", timeout)
    files = Files(tsm.home, name)
    eventually(lambda: (files.folder / "current.out").read_text() == "ready\n")
    return files


@pytest.fixture
def stuck(tsm: Tsm) -> Files:
    """One that no SIGKILL is to end, beside one that ends at once and one that is killed later."""
    tsm("start", "sleep 86399", "--name", "quick")
    started(tsm, "other", "1s")
    return started(tsm, "stuck", "100ms")


def without_kill(tsm: Tsm, files: Files, *argv: str) -> Result:
    """Run `tsm ARGV...` where the kernel does not let go of that child."""
    words = [sys.executable, "-m", "tests.apps.unkillable", str(files.child), *argv]
    env = {**tsm.env, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=tsm.cwd, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Result(argv, done.returncode, done.stdout, done.stderr)


def assert_goes_on(files: Files, child: int) -> None:
    """Nothing says that it has ended, and nothing has begun in its place."""
    assert alive(child)
    assert files.child == child
    assert alive(files.launcher)
    assert files.run.keys().isdisjoint({"ended", "exit", "stopped"})
    assert not set(files.event_names()) & {*ENDS, "restart", "delete"}


@pytest.mark.parametrize("verb", ["stop", "restart", "delete"])
def test_it_is_the_problem_of_its_process_alone(tsm: Tsm, stuck: Files, verb: str) -> None:
    child = stuck.child
    others = [Files(tsm.home, name).child for name in NAMES if name != "stuck"]
    done = without_kill(tsm, stuck, verb, "all")
    assert done.status == 5
    assert done.err.startswith(f"tsm {verb}: stuck: survived SIGKILL: python")
    assert done.err.count("\n") == 1
    assert [row["name"] for row in done.rows] == ["other", "quick"]
    assert not any(alive(pid) for pid in others)
    assert_goes_on(stuck, child)
    assert tsm("ls", "stuck").row["status"] == "stopping"


def test_patrol_begins_no_other_run_until_it_has_gone(tsm: Tsm, stuck: Files) -> None:
    child = stuck.child
    without_kill(tsm, stuck, "restart", "stuck")
    done = without_kill(tsm, stuck, "patrol")
    assert done.status == 5
    assert done.err.startswith("tsm patrol: stuck: survived SIGKILL: ")
    assert_goes_on(stuck, child)
    assert tsm("patrol").row["action"] == "restart"
    assert stuck.child != child
    assert stuck.event_names() == ["start", "stop", "restart"]


def test_start_begins_no_other_run_either(tsm: Tsm, stuck: Files) -> None:
    child = stuck.child
    without_kill(tsm, stuck, "stop", "stuck")
    done = without_kill(tsm, stuck, "start", "stuck")
    assert done.status == 5
    assert done.out == ""
    assert done.err.startswith("tsm start: stuck: survived SIGKILL: ")
    assert_goes_on(stuck, child)


def test_its_next_stop_ends_it_once_the_kernel_lets_go(tsm: Tsm, stuck: Files) -> None:
    child = stuck.child
    without_kill(tsm, stuck, "stop", "stuck")
    assert len(tsm("stop", "stuck").row["killed"]) == 1
    assert not alive(child)
    assert stuck.event_names() == ["start", "stop"]
