"""Taking note: what has begun or ended goes to the journal, meta, and the pid file, once."""

from __future__ import annotations

import time

from tsm.osproc import members, signals, table
from tsm.policy import restart, state
from tsm.record import changed
from tsm.store import documents, journal, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.model import Exit
    from tsm.patrol.process import Process
    from tsm.store.home import Home

_EXIT_LINE_S = 30.0  # the launcher needs a millisecond for it, on a machine that has one to spare


def note_begin(home: Home, process: Process) -> Process:
    """Note that the run has begun, unless that was done. The caller holds the lock."""
    run, name = process.run, process.name
    if run is None or run.begun or run.child is None:
        return process
    facts: dict[str, object] = {"run": run.id, "pid": run.child.pid}
    if run.why == "restart":
        facts["restarts"] = run.restarts
    journal.record_once(home, name, run.why, facts)
    runs.publish_pid(home, name, run.child.pid)
    short = restart.short_runs(process.spec.restart, run.past) if run.past else 0
    meta = changed(
        process.meta,
        pid=run.child.pid,
        ticks=run.child.ticks,
        boot=run.boot,
        status="online",
        start_time=round(run.time_s, 3),
        restarts=run.restarts,
        unstable_restarts=short,
    )
    documents.write_meta(home, meta)
    runs.note(home, name, "begun")
    return changed(process, run=changed(run, begun=True), meta=meta)


def note_end(home: Home, process: Process, end: Exit, killed: Sequence[str] = ()) -> Process:
    """Note that the run has ended, unless that was done; `killed` are who needed SIGKILL.

    The caller holds the lock, and has seen to it that nobody of the run is left.
    """
    run, name = process.run, process.name
    if run is None or run.ended_s is not None:
        return process
    facts: dict[str, object] = {"run": run.id, **_exit_facts(end)}
    if killed:
        facts["killed"] = list(killed)
    good = restart.ok(process.spec.restart, end)
    rebooted = not run.exited and run.boot != table.boot_id()
    event = "stop" if run.stopped else "exit" if good or rebooted else "crash"
    if rebooted:
        facts["reason"] = "reboot"
    journal.record_once(home, name, event, facts)
    runs.publish_pid(home, name, None)
    runs.note(home, name, f"ended {end.time_s:.3f}")
    return changed(process, run=changed(run, ended_s=end.time_s, code=end.code))


def note_status(home: Home, process: Process, status: str) -> None:
    """Bring meta up to date where the process is down. The caller holds the lock.

    A process that was at rest or waiting, and is stopped now, has that journaled: no end of
    a run tells of it.
    """
    run, short = process.run, 0
    if run is not None and not run.stopped:
        if status == "stopped" and process.down is not None:
            journal.record_once(home, process.name, "stop", {"run": run.id})
        if status in ("waiting", "errored"):
            ends = state.exits(run, time.time())
            short = restart.short_runs(process.spec.restart, ends)
    meta = changed(
        process.meta, pid=None, ticks=None, boot=None, status=status, unstable_restarts=short
    )
    if meta != process.meta:
        documents.write_meta(home, meta)


def _exit_facts(end: Exit) -> dict[str, object]:
    """The end of a run as the journal puts it: code, or signal by name."""
    facts: dict[str, object] = {"code": end.code, "uptime_s": round(end.uptime_s, 3)}
    number = restart.signal_of(end.code) if end.code is not None else None
    if number is not None:
        facts["signal"] = signals.name(number)
    return facts


def brought_up_to_date(home: Home, process: Process, boot: str) -> Process:
    """Finish what a killed launcher or command left unsaid of the run. The caller holds the lock.

    Adopts the child of a launcher that died before it could name it, and waits for an exit
    that is just being written.
    """
    run, name = process.run, process.name
    if run is None or run.boot != boot or run.exited or run.ended_s is not None:
        return note_begin(home, process)
    if run.launcher is not None and run.child is None:
        _await_child(home, process, boot)
    elif run.child is not None and not table.alive(run.child, boot):
        await_exit(home, process, boot)
    return note_begin(home, changed(process, run=runs.read(home, name)))


def _await_child(home: Home, process: Process, boot: str) -> None:
    run, name = process.run, process.name
    deadline_s = time.monotonic() + _EXIT_LINE_S
    while run is not None and run.child is None and time.monotonic() < deadline_s:
        if not table.alive(run.launcher, boot):
            launcher = run.launcher
            found = members.carrier(run.id, launcher.pid if launcher else None)
            if found is not None:
                runs.note(home, name, f"pid {found.pid} {found.ticks}")
            return
        time.sleep(0.001)
        run = runs.read(home, name)


def await_exit(home: Home, process: Process, boot: str) -> None:
    """Let the launcher of a child that has gone write the exit down, unless it never will."""
    run = process.run
    deadline_s = time.monotonic() + _EXIT_LINE_S
    while run is not None and not run.exited and time.monotonic() < deadline_s:
        if not table.able(run.launcher, boot):
            return
        time.sleep(0.001)
        run = runs.read(home, process.name)
