"""The commands that a user has run at turns of a process's life.

Those before a turn are waited for: `before_start`, `before_stop`. The others, `follow`, go on
by themselves, so that they keep no restart waiting. All are bounded by the hooks' time-out,
and nobody of a hook's session outlives it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from tsm.errors import Refused, TsmError, refused
from tsm.model import Exit
from tsm.osproc import hooks, signals
from tsm.policy.restart import outcome, signal_of
from tsm.record import Record
from tsm.store import environment, hook_log, journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tsm.patrol.process import Process
    from tsm.store.home import Home

_AWAITED = ("pre_start", "pre_stop")
_TIMED_OUT = (124, 137)  # as timeout(1) reports it: ended by SIGTERM, by SIGKILL
_AT_ONCE = 16  # so many are waited for side by side
_LATE_S = 10.0
_LOOK_S = 0.02


class Failure(Record):
    """A hook that was waited for and has failed."""

    hook: str
    how: str  # in words, with the last line of its output
    code: int | None  # None: it could not be run
    output: str  # its last line


class _Running(Record):
    """A hook that is waited for."""

    process: Process
    began_s: float

    @property
    def deadline_s(self) -> float:
        """When it is ended."""
        return self.began_s + self.process.spec.hooks.timeout_s


class PreStartFailed(Refused):
    """The hook pre_start did not succeed, so nothing was started."""


def before_start(
    home: Home, processes: Iterable[Process], reason: str
) -> Iterator[tuple[Process, PreStartFailed | None]]:
    """Run pre_start of those that have one, side by side, and yield each once it may start.

    Or with what keeps it from that, once that is journaled: nothing of the process was changed,
    so what was due still is. Those without the hook come first. The caller holds the locks.
    Blocks up to the time-outs.
    """
    hooked = []
    for process in processes:
        if process.spec.hooks.pre_start is None:
            yield process, None
        else:
            hooked.append(process)
    for process, failure in _run(home, hooked, "pre_start", reason):
        message = f"{process.name}: not started: {failure.how}" if failure is not None else ""
        yield process, PreStartFailed(message) if message else None


def before_stop(home: Home, processes: Iterable[Process], reason: str) -> None:
    """Run pre_stop of those that have one and whose child lives, side by side, to their ends.

    The caller holds the locks. Blocks up to the time-outs. A failure is journaled.
    """
    hooked = [one for one in processes if one.spec.hooks.pre_stop is not None]
    for _ in _run(home, hooked, "pre_stop", reason):
        pass


def follow(
    home: Home, process: Process, hook: str, reason: str = "", end: Exit | None = None
) -> None:
    """Run `hook` if there is one, and do not wait; `end` is how the run ended, if it has.

    Its output goes to hooks.log, and so does its failure. The caller holds the lock. Raises
    nothing: that it could not be run is journaled.
    """
    if getattr(process.spec.hooks, hook) is None:
        return
    try:
        log = hook_log.opened(home, process.name)
        try:
            hooks.detach(_call(home, process, hook, _facts(process, reason, end)), log)
        finally:
            os.close(log)
    except (TsmError, OSError) as error:
        _note(home, process, _not_run(hook, error))


def conclude(home: Home, process: Process) -> None:
    """End the hooks of a process that is about to be deleted; post_stop ends by itself.

    The caller holds the lock. Blocks up to the time-out.
    """
    if not hook_log.there(home, process.name):
        return
    deadline_s = time.monotonic() + process.spec.hooks.timeout_s + _LATE_S
    while left := list(hooks.running(home.process(process.name))):
        for pid, hook in left:
            if hook != "post_stop" or time.monotonic() > deadline_s:
                hooks.end_session(pid)
        time.sleep(_LOOK_S)


def _run(
    home: Home, processes: Sequence[Process], hook: str, reason: str
) -> Iterator[tuple[Process, Failure | None]]:
    """Run the hook of each, some at once, and yield each when it has ended; a failure journaled."""
    left, running = list(processes), dict[int, _Running]()
    while left or running:
        if left and len(running) < _AT_ONCE:
            process = left.pop(0)
            try:
                running[_begun(home, process, hook, reason)] = _Running(process, time.monotonic())
                continue
            except (TsmError, OSError) as error:
                failure: Failure | None = _not_run(hook, error)
        else:
            pid, code = hooks.first_ended({pid: one.deadline_s for pid, one in running.items()})
            process = running[pid].process
            failure = _failure(home, running.pop(pid), hook, code)
        if failure is not None:
            _note(home, process, failure)
        yield process, failure


def _failure(home: Home, one: _Running, hook: str, code: int) -> Failure | None:
    """How a hook has failed, if it has, with what it said, which goes to the log."""
    output = ""
    with suppress(OSError):  # a full disk keeps nobody from being stopped
        output = hook_log.gathered(home, one.process.name)
    if code == 0:
        return None
    late = code in _TIMED_OUT and time.monotonic() >= one.deadline_s
    how = f"did not end within {one.process.spec.hooks.timeout_s:g} s" if late else _how(code)
    return Failure(hook, f"{hook} {how}: {output or 'it said nothing'}", code, output)


def _begun(home: Home, process: Process, hook: str, reason: str) -> int:
    name = process.name
    if hook_log.unfinished(home, name):  # a killed command has left one that may still run
        for pid, other in hooks.running(home.process(name)):
            if other in _AWAITED:
                hooks.end_session(pid)
    log = hook_log.opened_apart(home, name)
    try:
        return hooks.spawned(_call(home, process, hook, _facts(process, reason, None)), log)
    finally:
        os.close(log)


def _call(home: Home, process: Process, hook: str, facts: Mapping[str, str]) -> hooks.Call:
    environ = environment.read(home, process.name)
    environ.pop(b"TSM_RUN", None)  # no hook is of a run, to be ended with it
    environ |= {os.fsencode(key): os.fsencode(value) for key, value in facts.items()}
    environ[b"TSM_EVENT"] = hook.encode()
    command = getattr(process.spec.hooks, hook)
    return hooks.Call(hook, command, process.spec, home.process(process.name), environ)


def _facts(process: Process, reason: str, end: Exit | None) -> dict[str, str]:
    """What the environment of a hook tells beside its event, as far as it is known."""
    facts = {"TSM_NAME": process.name, "TSM_REASON": reason}
    run = process.run
    if run is not None and run.child is not None and (end is not None or run.ended_s is None):
        facts["TSM_PID"] = str(run.child.pid)
    if end is not None and end.code is not None:
        facts["TSM_EXIT_CODE"] = str(end.code)
        number = signal_of(end.code)
        if number is not None:
            facts["TSM_SIGNAL"] = signals.name(number)
    return {key: value for key, value in facts.items() if value}


def _how(code: int) -> str:
    return outcome(Exit(0.0, 0.0, code))


def _not_run(hook: str, error: TsmError | OSError) -> Failure:
    why = str(refused(error) if isinstance(error, OSError) else error)
    return Failure(hook, f"{hook} could not be run: {why}", None, why)


def _note(home: Home, process: Process, failure: Failure) -> None:
    facts = {"hook": failure.hook, "code": failure.code, "output": failure.output}
    journal.record_if_possible(home, process.name, "hook", facts)
