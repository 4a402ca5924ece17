"""Crash reports: all there is to say of a run that went wrong, gathered once."""

from __future__ import annotations

import time
from contextlib import suppress

from tsm.errors import Broken
from tsm.osproc import chain, dumps, signals
from tsm.patrol.last_seen import last_seen
from tsm.patrol.log_places import first_line
from tsm.policy import restart, rules, state
from tsm.policy.environ import masked
from tsm.record import Record, changed
from tsm.store import config, crashes, documents, excerpt, journal, logs, runs

_START = "start: "  # before the reason, in the rule of a start that has failed
_NOT_EXECUTED = (126, 127)  # the codes of who cannot become another program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.model import Exit
    from tsm.osproc.sample import Sample
    from tsm.patrol.process import Process
    from tsm.store.home import Home


class Seen(Record):
    """What must be looked at before the next run begins."""

    time_s: float
    out: excerpt.Reach | None
    err: excerpt.Reach | None
    core_allowed: bool | None = None  # None: unknown, or no signal has ended it


class Facts(Record):
    """What went wrong, and what was known of the run at that moment."""

    kind: str  # one of crashes.KINDS
    rule: str  # which rule acted, in one sentence
    end: Exit | None = None  # None: the run goes on, or never began
    killed: Sequence[str] = ()  # who needed SIGKILL
    last: Sample | None = None  # of its process, if one is in memory


def seen(home: Home, process: Process) -> Seen:
    """Note how far the logs of the run reach, and the next run may begin."""
    run, name = process.run, process.name
    core = None
    number = restart.signal_of(run.code) if run is not None and run.code is not None else None
    if run is not None and number is not None:
        core = dumps.core_allowed(run, number, process.spec.limits.rlimits.get("core"))
    read = logs.streams(home, name)
    out, err = (
        excerpt.reach(logs.current(home, name, stream)) if stream in read else None
        for stream in logs.STREAMS
    )
    return Seen(time.time(), out, err, core)


def report(home: Home, process: Process, at: Seen, facts: Facts) -> bool:
    """Write the report of what happened to `process.run`; a second one of its kind is none.

    The caller holds the lock of the process; the next run may have begun. Raises nothing:
    False if it could not be written, which is journaled.
    """
    kept = crashes.write(home, _values(home, process, at, facts), _bounds(home))
    if not kept:
        run_id = process.run.id if process.run is not None else ""
        lost = {"run": run_id, "kind": facts.kind}
        with suppress(OSError):  # of a full disk the crash itself tells
            journal.record_once(home, process.name, "report-lost", lost)
    return kept


def _bounds(home: Home) -> crashes.Bounds:
    """How much is kept; where config.toml makes no sense, as much as a home may have."""
    settings = config.CAREFUL
    with suppress(Broken):
        settings = config.read(home)
    return crashes.Bounds(settings.crash_reports, settings.crash_bytes)


def ended(home: Home, process: Process, end: Exit, killed: Sequence[str]) -> bool:
    """A run has crashed; or it was asked to end, and `killed` of it needed SIGKILL. As `report`."""
    run = process.run
    good = run is None or run.stopped or restart.ok(process.spec.restart, end)
    facts = of_end(home, process, end, killed, crashed=not good)
    return report(home, process, seen(home, process), facts)


def of_end(
    home: Home, process: Process, end: Exit, killed: Sequence[str], *, crashed: bool
) -> Facts:
    """What went wrong at the end of a run; without its program executed, that was the start."""
    spec, run = process.spec, process.run
    if not crashed or run is None:
        rule = f"stop: {spec.stop_signal}, and after {spec.stop_timeout_s:g} s SIGKILL"
        return Facts("stop-needed-kill", rule, end, killed)
    if end.code in _NOT_EXECUTED:
        why = chain.complaint(first_line(home, process), spec, executed=False)
        if why is not None:
            return Facts("start-failed", f"{_START}{why}", end, killed)
    return Facts("crash", rules.acted(spec.restart, (*run.past, end)), end, killed)


def retries_exhausted(home: Home, process: Process, why: str) -> bool:
    """The process is given up after its last run. As `report`."""
    run = process.run
    end = state.end_of(run, time.time()) if run is not None else None
    rule = f"restart {process.spec.restart.when}: {why}, given up"
    return report(home, process, seen(home, process), Facts("retries-exhausted", rule, end))


def start_failed(home: Home, process: Process, why: str, *, began: bool) -> bool:
    """The process could not be started; with `began` there is a run of that try. As `report`."""
    run = process.run
    with suppress(Broken):
        run = runs.read(home, process.name) if began else None
    process = changed(process, run=run)
    end = state.end_of(run, time.time()) if run is not None and run.exited else None
    facts = Facts("start-failed", _START + why.removeprefix(f"{process.name}: "), end)
    return report(home, process, seen(home, process), facts)


def retry_failed(home: Home, process: Process, why: str) -> None:
    """The process could not be started by who will try again: said once after each run."""
    if failed_start(home, process) != why.removeprefix(f"{process.name}: "):
        start_failed(home, process, why, began=False)


def failed_start(home: Home, process: Process) -> str | None:
    """Why the process could not be started since its last run, by the newest report."""
    run = process.run
    since_s = 0.0 if run is None else run.ended_s or run.time_s
    for one in crashes.listed(home, process.name)[-1:]:
        if one.kind == "start-failed" and one.run == crashes.NO_RUN:
            with suppress(Broken):
                found = crashes.read(one.path)
                if found is not None and found["time"] >= since_s:
                    return str(found["rule"]).removeprefix(_START)
    return None


def _values(home: Home, process: Process, at: Seen, facts: Facts) -> dict[str, object]:
    run = process.run
    tree, usage = last_seen(home, process, at.time_s, facts.last)
    return {
        "time": round(at.time_s, 3),
        "kind": facts.kind,
        "name": process.name,
        "tsm_id": process.meta.tsm_id,
        "run": run.id if run is not None else None,
        "pid": run.child.pid if run is not None and run.child is not None else None,
        "restarts": run.restarts if run is not None else process.meta.restarts,
        "rule": facts.rule,
        **_ending(process, at, facts),
        **_output(home, process, at),
        "tree": tree,
        "usage": usage,
        "spec": {**documents.encoded(process.spec), "env": masked(process.spec.env)},
    }


def _ending(process: Process, at: Seen, facts: Facts) -> dict[str, object]:
    """The end of the run: code, or signal by name; or how long it has been up."""
    run, end = process.run, facts.end
    code = end.code if end is not None else None
    number = restart.signal_of(code) if code is not None else None
    uptime_s = (
        end.uptime_s if end is not None else max(0.0, at.time_s - run.time_s) if run else None
    )
    return {
        "ended": end is not None,
        "code": code,
        "signal": signals.name(number) if number is not None else None,
        "core_allowed": at.core_allowed if number is not None else None,
        "uptime_s": None if uptime_s is None else round(uptime_s, 3),
        "killed": list(facts.killed),
    }


def _output(home: Home, process: Process, at: Seen) -> dict[str, list[str]]:
    """The last lines of what the run wrote; none of what another did."""
    run, name = process.run, process.name
    if run is None:
        return {"out": [], "err": []}
    out, err = (
        excerpt.last_lines(logs.current(home, name, stream), first, last)
        for stream, first, last in zip(logs.STREAMS, run.logs, (at.out, at.err), strict=True)
    )
    if process.spec.source_maps:
        from tsm.patrol.stack_trace import mapped

        out, err = mapped((out, err))
    return {"out": out, "err": err}
