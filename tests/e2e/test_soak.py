"""Every promise holds after a storm of commands, crashes and kills: a short one of the soak."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.running import Tsm

SOAK = Path(__file__).parents[2] / "benchmarks/soak/soak.py"


def test_a_storm_leaves_one_or_none_of_each_and_nothing_lost_or_left(tsm: Tsm) -> None:
    storm = ("--seconds", "6", "--processes", "6", "--workers", "2")
    done = subprocess.run(
        [sys.executable, str(SOAK), *storm],
        env={**tsm.env, "TMPDIR": str(tsm.cwd)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    assert summary["faults"] == []
    assert summary["runs"] > 6
    assert done.returncode == 0
