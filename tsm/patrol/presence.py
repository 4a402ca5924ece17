"""Whether a resident patrol is there, and seeing to it that one is."""

from __future__ import annotations

import os
import signal
import sys
import time

from tsm.errors import Broken, Refused
from tsm.osproc import signals, spawn, table
from tsm.patrol.choose import wanted_up
from tsm.policy.supervised import for_residents
from tsm.store import attendance, config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tsm.model import Identity
    from tsm.spec import Spec
    from tsm.store.home import Home

HUNG_S = 45.0  # a heartbeat older than that: it beats each 10 s
_COMING_S = 20.0  # how long it may take to come up
_KEPT = ("HOME", "LANG", "LC_ALL", "PATH", "PYTHONPATH")


def resident(home: Home) -> Identity | None:
    """The resident patrol of the home, if it lives."""
    found = attendance.written(home)
    if found is None:
        return None
    one = table.identity(found[0], table.boot_id())
    return one if one is not None and one.ticks == found[1] else None


def attended(home: Home) -> bool:
    """Whether a resident lives and is awake."""
    one = resident(home)
    row = table.lookup(one.pid) if one is not None else None
    return row is not None and row.state not in "TtZX"


def attend(home: Home, names: Iterable[str]) -> None:
    """Let the resident know that something has changed with processes; bring one up if need be."""
    if not attendance.ring(home, names) and stays(home) and wanted_up(home):
        bring(home)


def stays(home: Home) -> bool:
    """Whether a patrol is to stay; also where config.toml makes no sense, which `check` tells."""
    try:
        return config.read(home).patrol != config.CRON
    except Broken:
        return True


def unattended(home: Home, spec: Spec) -> str | None:
    """What is asked of a patrol that stays where none is to; None if nothing is."""
    what = ", ".join(for_residents(spec))
    if not what or stays(home):
        return None
    return f"{spec.name}: nobody watches {what}: config.toml leaves all to patrols from cron"


def require(home: Home) -> None:
    """See to it that a resident listens, before a child is started that talks to it."""
    deadline_s = time.monotonic() + _COMING_S
    asked, one = False, resident(home)
    if one is not None and one.pid == os.getpid():
        return
    while not attendance.ring(home, ()):
        if time.monotonic() > deadline_s:
            message = f"{attendance.log_file(home)}: no resident patrol came up to listen"
            raise Refused(message)
        if not asked:
            bring(home)
        asked = True
        time.sleep(0.005)


def bring(home: Home) -> None:
    """Start a resident, and do not wait for it. One that finds another at work leaves."""
    environ = {key: os.environ[key] for key in _KEPT if key in os.environ}
    argv = [sys.executable, "-P", "-m", "tsm", "patrol", "--daemon"]
    spawn.detached(argv, {**environ, "TSM_HOME": home.root}, attendance.log_file(home))


def dismiss(home: Home, number: int, timeout_s: float) -> Identity | None:
    """Signal the resident and wait until it has gone; None if there was none."""
    one = resident(home)
    if one is None or not signals.send(one.pid, one.ticks, number):
        return None
    signals.send(one.pid, one.ticks, signal.SIGCONT)  # a stopped one hears nothing
    deadline_s = time.monotonic() + timeout_s
    boot = table.boot_id()
    while table.alive(one, boot) and time.monotonic() < deadline_s:
        signals.await_ends([one], deadline_s - time.monotonic())
    if table.alive(one, boot):
        signals.send(one.pid, one.ticks, signal.SIGKILL)  # it holds nothing that is lost
        signals.await_ends([one], timeout_s)
    return one


def hung_s(home: Home) -> float | None:
    """How long ago a resident that lives has shown the last sign of it, if that is too long."""
    found = attendance.written(home)
    if found is None or resident(home) is None:
        return None
    silent_s = time.time() - found[2]
    return silent_s if silent_s > HUNG_S else None
