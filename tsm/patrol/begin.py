"""Beginning a run: record first, then the launcher, then what there is to say of it."""

from __future__ import annotations

import os
import time

from tsm.errors import Refused
from tsm.model import Run
from tsm.osproc import spawn, table
from tsm.patrol.notes import note_begin
from tsm.record import changed
from tsm.store import environment, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import Exit
    from tsm.patrol.process import Process
    from tsm.store.home import Home
    from tsm.store.lock import Lock

_SETTLE_S = 10.0  # a launcher takes 2 ms; a machine out of memory takes its time


def begin(
    home: Home, lock: Lock, process: Process, why: str, past: tuple[Exit, ...] = ()
) -> Process:
    """Start a run of the process, whose last run has ended; return once its child exists.

    The caller holds the lock. Killed at any point, this leaves what `next_step` can read: a
    head without a launcher is a run that never began. Raises Refused.
    """
    launched = spawned(home, lock, process, why, past)
    return settled(home, launched)


def spawned(
    home: Home, lock: Lock, process: Process, why: str, past: tuple[Exit, ...] = ()
) -> Process:
    """The first half of `begin`: launch, and do not wait."""
    name = process.name
    run = Run(
        id=os.urandom(8).hex(),
        boot=table.boot_id(),
        time_s=time.time(),
        why=why,
        restarts=_restarts(process.run) + (why == "restart"),
        past=past,
    )
    environ = environment.read(home, name)
    environ[b"TSM_RUN"] = run.id.encode("ascii")
    record = runs.begin(home, name, run)
    try:
        runs.want_up(home, name)
        spawn.launch(process.spec, environ, home.process(name), (record, lock.fd))
    finally:
        os.close(record)
    return changed(process, run=run, down=None)


def settled(home: Home, process: Process) -> Process:
    """The second half of `begin`: wait for the child, and journal the start."""
    name = process.name
    deadline_s = time.monotonic() + _SETTLE_S
    while True:
        run = runs.read(home, name)
        if run is not None and run.child is not None:
            break
        gone = (
            run is not None and run.launcher is not None and not table.alive(run.launcher, run.boot)
        )
        if gone or time.monotonic() > deadline_s:
            message = f"{name}: its launcher could not start a child: out of processes or memory?"
            raise Refused(message)
        time.sleep(0.0003)
    process = changed(process, run=run)
    return note_begin(home, process)


def await_exec(process: Process, timeout_s: float = _SETTLE_S) -> bool:
    """Wait until the child runs its own program; False if it ended before that was seen."""
    run = process.run
    if run is None or run.child is None:
        return False
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if spawn.executed(run.child.pid, process.spec):
            return table.alive(run.child, run.boot)
        if not table.alive(run.child, run.boot):
            return False
        time.sleep(0.0003)
    return True


def _restarts(last: Run | None) -> int:
    """How many restarts there were; one that never had a child does not count."""
    if last is None:
        return 0
    return last.restarts - (last.why == "restart" and last.child is None)
