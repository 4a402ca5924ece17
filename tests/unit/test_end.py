"""Ending the launchers of runs that are over."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import proc
from tests.waiting import eventually
from tsm.model import Run
from tsm.osproc import table
from tsm.patrol.end import dismiss_launchers
from tsm.patrol.process import load
from tsm.record import changed
from tsm.spec import Spec
from tsm.store import definitions

if TYPE_CHECKING:
    from pathlib import Path

    from tsm.store.home import Home


def session(leader: int) -> set[int]:
    """The pids of those in it, but for zombies."""
    rows = ((pid, proc.fields(pid)) for pid in proc.pids())
    return {pid for pid, row in rows if row[3:4] == [str(leader)] and row[0] not in "ZX"}


@pytest.mark.parametrize("then", ["exec sleep 1000", "read -r _ <gate"])
def test_who_sleeps_for_a_launcher_goes_with_it(place: Home, tmp_path: Path, then: str) -> None:
    """Also who has been forked to sleep, and has not got to its exec."""
    definitions.create(place, Spec("web", ("true",), "true", place.root), {})
    os.mkfifo(tmp_path / "gate")
    script = f"({then}) & wait"
    with subprocess.Popen(["/bin/sh", "-c", script], cwd=tmp_path, start_new_session=True) as sh:
        eventually(lambda: len(session(sh.pid)) == 2)
        launcher = table.identity(sh.pid, table.boot_id())
        run = Run("f0", table.boot_id(), 0.0, "start", launcher=launcher, exited=True)
        try:
            dismiss_launchers([changed(load(place, "web"), run=run)])
            eventually(lambda: not session(sh.pid), 10)
        finally:
            for pid in session(sh.pid):
                os.kill(pid, signal.SIGKILL)
