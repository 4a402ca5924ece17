"""Beginning a run: record first, then the launcher, then what there is to say of it."""

from __future__ import annotations

import time

from tsm.errors import Refused
from tsm.model import Run
from tsm.osproc import cgroups, preflight, spawn, table
from tsm.patrol import hooks, log_places
from tsm.patrol.notes import await_child, note_begin, tell_left
from tsm.patrol.take_down import RESTART, STOP
from tsm.policy import signs, words
from tsm.record import changed
from tsm.store import log_paths, runs
from tsm.store.atomic import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.model import Exit
    from tsm.patrol.launch import Launch
    from tsm.patrol.process import Process
    from tsm.spec import Spec
    from tsm.store.home import Home

_LOOK_S = 0.0005
_EXEC_S = 10.0  # it takes a millisecond; a machine out of memory takes its time


def check(home: Home, spec: Spec, environ: Mapping[bytes, bytes]) -> None:
    """Raise Refused, naming the reason, if a run could not begin. Nothing is touched."""
    preflight.check(spec, environ, words.script(spec))
    log_paths.check(home, spec)


def begin(
    home: Home, launch: Launch, process: Process, why: str, past: tuple[Exit, ...] = ()
) -> Process:
    """Start a run of the process, whose last run has ended; return once its child exists.

    Killed at any point, this leaves what `next_step` can read: a launcher that has ended and
    had no child is a run that never began. Raises Refused.
    """
    for _, problem in hooks.before_start(home, [process], why):
        if problem is not None:
            raise problem
    launched = spawned(home, launch, process, why, past)
    return settled(home, launched)


def spawned(
    home: Home, launch: Launch, process: Process, why: str, past: tuple[Exit, ...] = ()
) -> Process:
    """The middle of `begin`: launch, and do not wait."""
    launch.spawn()
    name = process.name
    if signs.checks(process.spec, "heartbeat"):
        remove(home.file(name, "heartbeat"))  # that of the last run is none of this
    if process.run is not None and process.run.cgroup is not None:
        cgroups.remove(process.run.cgroup)
    run = Run(
        id=launch.run_id,
        boot=table.boot_id(),
        time_s=time.time(),
        why=why,
        restarts=_restarts(process.run) + (why == "restart"),
        past=past,
        files=log_places.prepared(home, process.spec),
        logs=log_paths.ends(home, name),
        tasks=launch.tasks,
        cgroup=launch.cgroup,
    )
    try:
        launch.go(run)
    except OSError:
        if process.down is not None:  # what was wanted before still is
            runs.want_down(home, name, RESTART if process.down == RESTART else STOP)
        raise
    return changed(process, run=run, down=None)


def settled(home: Home, process: Process) -> Process:
    """The end of `begin`: wait for the child, and journal the start.

    Before that what is left to tell of the run before, but not while the launcher is at work.
    """
    run = await_child(home, process, table.boot_id())
    if run is None or run.child is None:
        what = "its launcher could not start a child: out of processes or memory?"
        message = f"{process.name}: {what}"
        raise Refused(message)
    tell_left(home, process)
    return note_begin(home, changed(process, run=run))


def await_exec(process: Process, timeout_s: float = _EXEC_S) -> bool:
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
        time.sleep(_LOOK_S)
    return True


def _restarts(last: Run | None) -> int:
    """How many restarts there were; one that never had a child does not count."""
    if last is None:
        return 0
    return max(0, last.restarts - (last.why == "restart" and last.child is None))
