"""Bringing processes up, many side by side: launch all, then wait for all."""

from __future__ import annotations

import time
from contextlib import closing

from tsm.errors import Refused, TsmError, refused
from tsm.model import Start
from tsm.osproc import chain, ports, table
from tsm.patrol import crash_report, hooks
from tsm.patrol.begin import await_exec, check, settled, spawned
from tsm.patrol.end import dismiss_launchers, end
from tsm.patrol.hold import held_all
from tsm.patrol.launch import Launch
from tsm.patrol.log_places import first_line
from tsm.patrol.notes import note_status
from tsm.patrol.process import Process, situation
from tsm.policy.state import next_step
from tsm.record import changed
from tsm.store import environment, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tsm.spec import Spec
    from tsm.store.home import Home


class Launched:
    """What became of the wish to have some processes up."""

    def __init__(self) -> None:
        self.up: list[Process] = []  # were up before
        self.started: list[Process] = []
        self.armed: list[Process] = []  # jobs, which run when their time comes
        self.problems: list[TsmError] = []  # one for each that could not start


def bring_up(home: Home, names: Sequence[str], lock_timeout_s: float) -> Launched:
    """Start those of `names` that are not up; return once the children run their own programs."""
    with held_all(home, names, lock_timeout_s) as held:
        launched = start_held(home, held.processes.values())
        launched.problems += held.problems
    return launched


def start_held(home: Home, held: Iterable[Process]) -> Launched:
    """Start those that are not up, whose locks the caller holds."""
    boot = table.boot_id()
    launched, down = Launched(), []
    for process in held:
        if process.down is None and situation(process, boot).child_lives:
            launched.up.append(process)
            continue
        try:
            check(home, process.spec, environment.read(home, process.name))
            one = end(home, [process])[process.name]
            if not one.left:
                dismiss_launchers([one.process])
            if one.problem is not None:
                raise one.problem
            check_port(process.spec)
            if one.process.spec.schedule.job is not None:
                launched.armed.append(arm(home, one.process))
            else:
                down.append(one.process)
        except (TsmError, OSError) as error:
            launched.problems.append(_failure(home, process, error, began=False))
    more = launch_held(home, down, "start")
    launched.started += more.started
    launched.problems += more.problems
    return launched


def arm(home: Home, process: Process) -> Process:
    """Let a job wait for its next time, counted from now. The caller holds its lock."""
    meta = changed(process.meta, start_time=round(time.time(), 3))
    process = changed(process, meta=meta, down=None)
    step = next_step(situation(process, table.boot_id()))
    note_status(home, process, "waiting", step.at_s if isinstance(step, Start) else None)
    runs.want_up(home, process.name)
    return process


def launch_held(home: Home, held: Sequence[Process], why: str) -> Launched:
    """Launch processes whose runs have ended, all at once; the caller holds their locks.

    Each is launched as soon as its hook pre_start has ended, if it has one. One that has begun,
    and cannot be written down, is a problem, and goes on: the next look at it makes up for that.
    """
    launched = Launched()
    waiting = []
    for process, problem in hooks.before_start(home, held, why):
        try:
            if problem is not None:
                raise problem
            with closing(Launch(home, process)) as launch:
                waiting.append(spawned(home, launch, process, why))
        except (TsmError, OSError) as error:
            launched.problems.append(_failure(home, process, error, began=False))
    for process in waiting:
        try:
            launched.started.append(_seen_through(home, settled(home, process)))
        except (TsmError, OSError) as error:
            launched.problems.append(_failure(home, process, error, began=True))
    return launched


def _failure(home: Home, process: Process, error: TsmError | OSError, *, began: bool) -> TsmError:
    """What kept the process from a run, or its run from being noted, once that is reported."""
    problem = error if isinstance(error, TsmError) else Refused(f"{process.name}: {refused(error)}")
    crash_report.start_failed(home, process, problem.line, began=began)
    return problem


def check_port(spec: Spec) -> None:
    """Raise Refused, naming who has it, if the port of the process is taken."""
    if spec.port is not None and ports.listening(spec.port):
        message = f"{spec.name}: port {spec.port} is taken by {ports.holder(spec.port)}"
        raise Refused(message)


def _seen_through(home: Home, process: Process) -> Process:
    """Wait for the exec. What cannot be executed, or set up as asked, is put down again.

    Raises Refused, with what has failed; TimedOut if somebody survives SIGKILL.
    """
    spec, name = process.spec, process.name
    executed = await_exec(process)
    if executed and spec.limits.nice is None:
        return process
    complaint = chain.complaint(first_line(home, process), spec, executed=executed)
    if complaint is None:
        return process
    runs.want_down(home, name, "")
    one = end(home, [changed(process, down="stop")])[name]
    if one.problem is not None and one.left:
        raise one.problem
    note_status(home, process, "stopped")
    message = f"{name}: {complaint}"
    raise Refused(message)
