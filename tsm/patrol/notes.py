"""Taking note: what has begun or ended goes to the journal, meta, and the pid file, once."""

from __future__ import annotations

import os
import signal
import time

from tsm.osproc import members, signals, table
from tsm.patrol import hooks
from tsm.policy import restart, state
from tsm.record import changed
from tsm.store import documents, journal, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.model import Exit, Identity, OsProcess, Run
    from tsm.osproc.sample import Sample
    from tsm.patrol.process import Process
    from tsm.store.home import Home

_LAUNCHER_S = 10.0  # it needs some milliseconds, once it is its turn
_LOOK_S = 0.0005


def note_begin(home: Home, process: Process) -> Process:
    """Note that the run has begun, unless that was done. The caller holds the lock."""
    run, name = process.run, process.name
    meta = process.begun
    if run is None or run.child is None or meta is None:
        return process
    facts: dict[str, object] = {"run": run.id, "pid": run.child.pid}
    if run.why == "restart":
        facts["restarts"] = run.restarts
    journal.record_once(home, name, run.why, facts)
    runs.publish_pid(home, name, run.child.pid)
    documents.write_meta(home, meta)
    runs.note(home, name, "begun")
    process = changed(process, run=changed(run, begun=True), meta=meta)
    hooks.follow(home, process, "post_start", run.why)
    return process


def note_end(
    home: Home,
    process: Process,
    end: Exit,
    killed: Sequence[str] = (),
    *,
    tell_later: bool = False,
) -> Process:
    """Note that the run has ended, unless that was done; `killed` are who needed SIGKILL.

    The caller holds the lock, and has seen to it that nobody of the run is left. A crash is
    reported before it is noted, so none goes without. With `tell_later` the end is noted, and
    all else is left to `tell_left` and `report_left`: the next run is not kept waiting for that.
    """
    run, name = process.run, process.name
    if run is None or run.ended_s is not None:
        return process
    over = changed(process, run=changed(run, ended_s=end.time_s, code=end.code))
    if tell_later and not killed and runs.keep_unreported(home, name):
        runs.note(home, name, f"ended {end.time_s:.3f}")
        return over
    if end_event(process, end) == "crash" or killed:
        from tsm.patrol import crash_report  # most runs end without one

        crash_report.ended(home, process, end, killed)
    journal_end(home, process, end, killed)
    runs.publish_pid(home, name, None)
    runs.note(home, name, f"ended {end.time_s:.3f}")
    follow_end(home, process, end)
    return over


def end_event(process: Process, end: Exit) -> str:
    """What is journaled of the end of the run: "stop", "exit" or "crash"."""
    run = process.run
    if run is not None and run.stopped:
        return "stop"
    good = restart.ok(process.spec.restart, end) or _is_of_former_boot(process)
    return "exit" if good else "crash"


def journal_end(home: Home, process: Process, end: Exit, killed: Sequence[str] = ()) -> bool:
    """Journal the end of the run; False if that was done."""
    facts: dict[str, object] = {"run": process.run.id if process.run else "", **_exit_facts(end)}
    if killed:
        facts["killed"] = list(killed)
    if _is_of_former_boot(process):
        facts["reason"] = "reboot"
    return journal.record_once(home, process.name, end_event(process, end), facts)


def follow_end(home: Home, process: Process, end: Exit) -> None:
    """Have the hooks run that follow the end of the run."""
    crashed = end_event(process, end) == "crash"
    for hook in ("on_crash", "post_stop") if crashed else ("post_stop",):
        hooks.follow(home, process, hook, _end_reason(process, end), end)


def tell_left(home: Home, process: Process) -> None:
    """Journal the end of a run that was noted alone, if there is one, before the next begin.

    The caller holds the lock.
    """
    if os.path.exists(runs.unreported_file(home, process.name)):
        from tsm.patrol import unreported  # few are

        unreported.tell(home, process)


def report_left(home: Home, process: Process, last: Sample | None = None) -> None:
    """The same, and report it, if it was a crash; `last` is the last sample of it."""
    if os.path.exists(runs.unreported_file(home, process.name)):
        from tsm.patrol import unreported  # as above

        unreported.report(home, process, last)


def _is_of_former_boot(process: Process) -> bool:
    """Whether the machine went down under the run."""
    run = process.run
    return run is not None and not run.exited and run.boot != table.boot_id()


def note_due(home: Home, process: Process, status: str, due_s: float | None) -> Process:
    """Show, of a process that is up, its status and when its schedule is due."""
    word = status if status in ("online", "launching") else process.meta.status
    was = process.meta
    asked = process.spec.health.check is not None
    known = (was.health or "unknown") if asked else None
    if was.pid is None or (word, due_s, known) == (was.status, was.due, was.health):
        return process
    meta = changed(was, status=word, due=due_s, health=known)
    documents.write_meta(home, meta)
    return changed(process, meta=meta)


def note_status(home: Home, process: Process, status: str, due_s: float | None = None) -> None:
    """Bring meta up to date where the process is down. The caller holds the lock.

    A process that was at rest or waiting, and is stopped now, has that journaled: no end of
    a run tells of it.
    """
    run, rule = process.run, process.spec.restart
    if run is not None and not run.stopped and status == "stopped" and process.down is not None:
        journal.record_once(home, process.name, "stop", {"run": run.id})
    meta = changed(
        process.meta,
        pid=None,
        ticks=None,
        boot=None,
        status=status,
        unstable_restarts=state.short_runs(rule, run, status, time.time()),
        health=None,
        due=due_s,
    )
    if meta != process.meta:
        documents.write_meta(home, meta)


def _end_reason(process: Process, end: Exit) -> str:
    """Why the run ended, for its hooks: "stop", "restart", or how it ended by itself."""
    stopped = process.run is not None and process.run.stopped
    return (process.down or "stop") if stopped else restart.outcome(end)


def _exit_facts(end: Exit) -> dict[str, object]:
    """The end of a run as the journal puts it: code, or signal by name."""
    facts: dict[str, object] = {"code": end.code, "uptime_s": round(end.uptime_s, 3)}
    number = restart.signal_of(end.code) if end.code is not None else None
    if number is not None:
        facts["signal"] = signals.name(number)
    return facts


def brought_up_to_date(home: Home, process: Process, boot: str) -> Process:
    """Finish what a killed launcher or command left unsaid of the run. The caller holds the lock.

    Reports how the run before has ended, adopts the child of a launcher that died before it
    could name it, and waits for an exit that is just being written.
    """
    run, name = process.run, process.name
    report_left(home, process)
    if run is None or run.boot != boot or run.exited or run.ended_s is not None:
        return note_begin(home, process)
    if run.launcher is not None and run.child is None:
        return note_begin(home, changed(process, run=await_child(home, process, boot)))
    if run.child is not None and not table.alive(run.child, boot):
        await_exit(home, process, boot)
    return note_begin(home, changed(process, run=runs.read(home, name)))


def await_child(home: Home, process: Process, boot: str) -> Run | None:
    """The record of a run that has begun, once it names the child or there will be none.

    Whoever is left by a launcher that was killed is about to name itself, or to end for want
    of the word; one that could not do so, on a full disk, is named here.
    """
    name = process.name
    deadline_s = time.monotonic() + _LAUNCHER_S
    while True:
        time.sleep(_LOOK_S)  # first of all: the launcher may have to have this processor
        run = runs.read(home, name)
        if run is None or run.child is not None or run.exited or time.monotonic() > deadline_s:
            return run
        if _at_work(run.launcher, boot):
            continue
        left = members.carrier(run)
        run = runs.read(home, name)
        if run is None or run.child is not None or left is None:
            return run
        if run.launcher is None or left.session != run.launcher.pid:
            runs.note(home, name, f"pid {left.pid} {left.ticks}")
        _wake(left)


def await_exit(home: Home, process: Process, boot: str) -> None:
    """Let the launcher of a child that has gone write the exit down; it may be dead as well."""
    run = process.run
    deadline_s = time.monotonic() + _LAUNCHER_S
    while run is not None and not run.exited and time.monotonic() < deadline_s:
        if not _at_work(run.launcher, boot):
            return
        time.sleep(0.0002)
        run = runs.read(home, process.name)


def _at_work(launcher: Identity | None, boot: str) -> bool:
    """Whether the launcher lives."""
    row = table.living(launcher, boot)
    if row is not None:
        _wake(row)
    return row is not None


def _wake(row: OsProcess) -> None:
    """Have one that somebody has stopped go on: it is waited for."""
    if row.state == "T":
        signals.send(row.pid, row.ticks, signal.SIGCONT)
