"""A run that cannot be written down is told, goes on, and keeps nobody from being seen through."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files
from tests.e2e.kernel import long_sleep
from tests.running import Result

if TYPE_CHECKING:
    from tests.running import Tsm

ROOT = Path(__file__).parents[2]
NAMES = ("first", "full", "third")


def without_room(tsm: Tsm, name: str, *argv: str) -> Result:
    """Run `tsm ARGV...` where the disk has no room for the meta of that process."""
    meta = Files(tsm.home, name).folder / "meta.json"
    words = [sys.executable, "-m", "tests.apps.no_room", str(meta), *argv]
    env = {**tsm.env, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        words, cwd=tsm.cwd, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 7
    where = f"{name}: {meta}: No space left on device"
    assert done.stderr == f"tsm {argv[0]}: {where}\n"
    return Result(argv, done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_others_are_seen_through(tsm: Tsm, verb: str) -> None:
    for name in NAMES:
        tsm("start", "--name", name, "--", *long_sleep())
    tsm("stop", "all")
    done = without_room(tsm, "full", verb, "all")
    assert [row["name"] for row in done.rows] == ["first", "third"]
    others = [Files(tsm.home, name) for name in ("first", "third")]
    assert all("begun" in files.run for files in others)
    assert [row["status"] for row in tsm("ls").rows] == ["online"] * len(NAMES)
    tsm("patrol")
    full = Files(tsm.home, "full")
    assert full.meta["pid"] == full.child
    assert full.event_names() == ["start", "stop", verb]


def test_a_new_process_that_runs_keeps_its_directory(tsm: Tsm) -> None:
    done = without_room(tsm, "web", "start", "--name", "web", "--", *long_sleep())
    assert done.out == ""
    assert tsm("ls").row["status"] == "online"
    files = Files(tsm.home, "web")
    child = files.child
    assert "begun" not in files.run
    tsm("patrol")
    assert files.child == child
    assert "begun" in files.run
    assert files.event_names() == ["start"]
