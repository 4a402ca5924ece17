"""One look at one process that puts right what is not. Every trigger comes through here."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from functools import partial

from tsm.errors import Broken, Refused, TsmError
from tsm.model import End, Keep, Renew, Rest, Start, assert_never
from tsm.osproc import table
from tsm.patrol import crash_report, guard, hooks
from tsm.patrol.begin import begin, check
from tsm.patrol.end import end
from tsm.patrol.launch import Launch
from tsm.patrol.notes import brought_up_to_date, note_due, note_status, report_left
from tsm.patrol.process import load, situation, sound_spec
from tsm.patrol.side_by_side import outcomes
from tsm.patrol.take_down import RESTART
from tsm.policy import jobs, state
from tsm.policy.restart import counted
from tsm.record import Record, changed
from tsm.store import definitions, environment, journal, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tsm.model import Exit
    from tsm.osproc.sample import Sample
    from tsm.patrol.process import Process
    from tsm.store.home import Home

    Step = Start | Rest | End | Renew | Keep


class Done(Record):
    """What one look at a process led to."""

    name: str
    action: str  # what was done: "restart", "start", "stop", ...; empty if nothing
    reason: str = ""
    due_s: float | None = None  # when something is due by the clock that was not due yet
    process: Process | None = None  # as it is now; None if it is no more
    status: str = ""  # what it is now
    over: Process | None = None  # as it was, where the launcher of that run has no more to do


def reconcile(home: Home, name: str, lock_timeout_s: float, last: Sample | None = None) -> Done:
    """Put one process right. Idempotent; raises Broken, Busy, Refused, TimedOut.

    `last` is its last sample, if that is in memory: a crash report tells it. A process that is
    deleted meanwhile has nothing that could be wrong.
    """
    with guard.held(home, name, lock_timeout_s) as held:
        if not definitions.exists(home, name):
            held.retire()
            return Done(name, "")
        return _put_right(home, load(home, name), last)


def reconcile_all(
    home: Home, names: Iterable[str], lock_timeout_s: float
) -> Iterator[Done | TsmError]:
    """Put each of them right, and tell what that led to, or why it failed, as they come.

    Those with hooks that are waited for come last, and side by side.
    """
    hooked = []
    for name in names:
        act = partial(reconcile, home, name, lock_timeout_s)
        if _waits_for_hooks(home, name):
            hooked.append(act)
        else:
            yield from outcomes([act])
    yield from outcomes(hooked)


def _waits_for_hooks(home: Home, name: str) -> bool:
    with suppress(Broken):
        hooks_of_it = sound_spec(home, name).hooks
        return (hooks_of_it.pre_start or hooks_of_it.pre_stop) is not None
    return False


def renew(home: Home, process: Process, step: Renew, lock_timeout_s: float) -> Done:
    """Replace the run that `process` had when it was looked at, unless it has ended since.

    `step.event` is journaled of it first, with the reason.
    """
    with guard.held(home, process.name, lock_timeout_s) as held:
        if not definitions.exists(home, process.name):
            held.retire()
            return Done(process.name, "")
        now = load(home, process.name)
        same = now.run is not None and process.run is not None and now.run.id == process.run.id
        if not same or now.down is not None or not situation(now, table.boot_id()).child_lives:
            return _put_right(home, now)
        with closing(Launch(home, now)) as launch:
            return _renewed(home, launch, now, step)


def _put_right(home: Home, process: Process, last: Sample | None = None) -> Done:
    boot = table.boot_id()
    process = brought_up_to_date(home, process, boot)
    step = state.next_step(situation(process, boot))
    starts = isinstance(step, Start) and step.at_s <= time.time()
    starts = starts and process.spec.hooks.pre_start is None
    with closing(Launch(home, process)) as launch:
        if starts:
            with suppress(TsmError, OSError):  # `begin` is to say so
                launch.spawn()
        process = _with_end_noted(home, process, boot)
        if not starts:
            report_left(home, process, last)
        try:
            return _carried_out(home, launch, process, step)
        finally:
            report_left(home, process, last)


def _carried_out(home: Home, launch: Launch, process: Process, step: Step) -> Done:  # noqa: RET503 - see assert_never
    match step:
        case Keep(status=status, due_s=due_s):
            process = note_due(home, process, status, due_s)
            return Done(process.name, "", "", due_s, process, status)
        case Rest(status=status):
            return _rest(home, process, step)
        case End(why=why):
            stopped = _ended(home, process)
            note_status(home, stopped, "stopped")
            return Done(process.name, "stop", why, None, stopped, "stopped", stopped)
        case Renew():
            return _renewed(home, launch, process, step)
        case Start(at_s=at_s, why=why):
            if at_s > time.time():
                note_status(home, process, "waiting", at_s)
                return Done(process.name, "", why, at_s, process, "waiting")
            return _start(home, launch, process, why)
        case _ as never:
            assert_never(never)


def _with_end_noted(home: Home, process: Process, boot: str) -> Process:
    """See a run that is over off: nobody of it stays, and its end is noted."""
    run = process.run
    if run is None or run.child is None or run.ended_s is not None or table.alive(run.child, boot):
        return process
    return _ended(home, process, tell_later=True)


def _renewed(home: Home, launch: Launch, process: Process, step: Renew) -> Done:
    """End the run as a restart by command does, so that one that is cut short is finished.

    Raises Refused, and leaves it alone, where the next could not begin.
    """
    check(home, process.spec, environment.read(home, process.name))
    run_id = process.run.id if process.run is not None else ""
    if step.event != "restart":
        journal.record_once(home, process.name, step.event, {"run": run_id, "reason": step.why})
    if step.event in ("memory-limit", "cpu-limit"):
        facts = crash_report.Facts(step.event, step.why)
        crash_report.report(home, process, crash_report.seen(home, process), facts)
    runs.want_down(home, process.name, RESTART)
    hooks.before_stop(home, [process], "restart")
    return _start(home, launch, changed(process, down=RESTART), step.why)


def _start(home: Home, launch: Launch, process: Process, why: str) -> Done:
    """Begin a run: a restart if it follows an exit, a start if nothing had gone wrong."""
    run = process.run
    past: tuple[Exit, ...] = ()
    if process.down is not None:
        process, verb = _ended(home, process), "restart"
    elif run is None or run.stopped or run.boot != table.boot_id():
        verb = "start"
    else:
        past = state.exits(run, time.time()) if run.child is not None else run.past
        past = counted(process.spec.restart, past)
        verb = "restart" if run.child is not None else run.why
    if process.spec.schedule.job is not None:
        verb = "start"
    try:
        begun = begin(home, launch, process, verb, past)
    except (Refused, Broken) as problem:
        crash_report.retry_failed(home, process, problem.line)
        raise
    status = "online" if process.spec.ready.check is None else "launching"
    due = jobs.renewal(process.spec.schedule, time.time())
    due_s = due[0] if due is not None else None
    begun = note_due(home, begun, status, due_s)
    return Done(process.name, verb, why, due_s, begun, status, process)


def _ended(home: Home, process: Process, *, tell_later: bool = False) -> Process:
    """The process once its run has ended.

    Raises Refused if that cannot be written down, TimedOut if somebody survives SIGKILL.
    """
    one = end(home, [process], tell_later=tell_later)[process.name]
    if one.problem is not None:
        raise one.problem
    return one.process


def _rest(home: Home, process: Process, step: Rest) -> Done:
    over = process if step.due_s is None else None
    done = Done(process.name, step.status, step.why, step.due_s, process, step.status, over)
    if process.meta.status == step.status:
        return changed(done, action="")
    if step.status == "errored":
        run = process.run
        crash_report.retries_exhausted(home, process, step.why)
        facts = {"run": run.id if run else "", "reason": step.why}
        journal.record_once(home, process.name, step.status, facts)
    note_status(home, process, step.status, step.due_s)
    return done
