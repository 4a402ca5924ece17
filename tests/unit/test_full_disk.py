"""A disk that is really full loses no byte of a log that is rotated on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CANNOT = 77
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_nothing_is_lost_on_a_full_disk(tmp_path: Path, kind: str) -> None:
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    argv = [*own, sys.executable, "-m", "tests.apps.full_disk", str(tmp_path), kind]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == CANNOT or done.stderr.startswith("unshare:"):
        pytest.skip(done.stdout or done.stderr)
    assert done.returncode == 0, done.stderr
