"""One look at one process that puts right what is not. Every trigger comes through here."""

from __future__ import annotations

import time

from tsm.model import End, Keep, Rest, Start, assert_never
from tsm.osproc import table
from tsm.patrol.begin import begin
from tsm.patrol.end import end
from tsm.patrol.notes import brought_up_to_date, note_status
from tsm.patrol.process import load, situation
from tsm.policy import state
from tsm.policy.restart import counted
from tsm.record import Record
from tsm.store import journal, lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.patrol.process import Process
    from tsm.store.home import Home
    from tsm.store.lock import Lock


class Done(Record):
    """What one look at a process led to."""

    name: str
    action: str  # what was done: "restart", "start", "stop", ...; empty if nothing
    reason: str = ""
    due_s: float | None = None  # when a restart is due that was not due yet


def reconcile(home: Home, name: str, lock_timeout_s: float) -> Done:
    """Put one process right. Idempotent; raises Broken, Busy, Refused.

    A process that is deleted meanwhile has nothing that could be wrong.
    """
    with lock.held(home, name, lock_timeout_s) as held:
        if name not in home.names():
            held.retire()
            return Done(name, "")
        return _put_right(home, held, load(home, name))


def _put_right(home: Home, held: Lock, process: Process) -> Done:  # noqa: RET503 - see assert_never
    boot = table.boot_id()
    process = brought_up_to_date(home, process, boot)
    process = _with_end_noted(home, process, boot)
    step = state.next_step(situation(process, boot))
    match step:
        case Keep():
            return Done(process.name, "")
        case Rest(status=status, why=why):
            return _rest(home, process, status, why)
        case End(why=why):
            stopped = _ended(home, process)
            note_status(home, stopped, "stopped")
            return Done(process.name, "stop", why)
        case Start(at_s=at_s, why=why):
            if at_s > time.time():
                note_status(home, process, "waiting")
                return Done(process.name, "", why, at_s)
            return _start(home, held, process, why)
        case _ as never:
            assert_never(never)


def _with_end_noted(home: Home, process: Process, boot: str) -> Process:
    """See a run that is over off: nobody of it stays, and its end is journaled."""
    run, at = process.run, situation(process, boot)
    if run is None or run.child is None or run.ended_s is not None or at.child_lives:
        return process
    return _ended(home, process)


def _start(home: Home, held: Lock, process: Process, why: str) -> Done:
    """Begin a run: a restart if it follows an exit, a start if nothing had gone wrong."""
    run = process.run
    if process.down is not None:
        process = _ended(home, process)
        begin(home, held, process, "restart")
        return Done(process.name, "restart", why)
    if run is None or run.stopped or run.boot != table.boot_id():
        begin(home, held, process, "start")
        return Done(process.name, "start", why)
    past = state.exits(run, time.time()) if run.child is not None else run.past
    verb = "restart" if run.child is not None else run.why
    begin(home, held, process, verb, counted(process.spec.restart, past))
    return Done(process.name, verb, why)


def _ended(home: Home, process: Process) -> Process:
    """The process once its run has ended. Raises Refused if that cannot be written down."""
    one = end(home, [process])[process.name]
    if one.problem is not None:
        raise one.problem
    return one.process


def _rest(home: Home, process: Process, status: str, why: str) -> Done:
    if process.meta.status == status:
        return Done(process.name, "")
    if status == "errored":
        run = process.run
        journal.record_once(
            home, process.name, status, {"run": run.id if run else "", "reason": why}
        )
    note_status(home, process, status)
    return Done(process.name, status, why)
