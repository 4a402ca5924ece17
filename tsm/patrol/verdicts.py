"""Taking note of what probes say: ready, healthy, unhealthy."""

from __future__ import annotations

import time

from tsm.osproc import table
from tsm.patrol import crash_report, guard, hooks
from tsm.patrol.process import load, situation
from tsm.policy.health import Verdict
from tsm.record import changed
from tsm.store import definitions, documents, health, journal, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.patrol.process import Process
    from tsm.store.home import Home

_LOCK_S = 30.0


def known(home: Home, process: Process) -> Verdict:
    """What was last written of the health of the current run."""
    found = health.read(home, process.name, process.run.id if process.run is not None else "")
    match found:
        case {"state": str(state), "failures": int(failures), "output": str(output)}:
            return Verdict(state, failures, ready=True, output=output)
        case _:
            return Verdict()


def note_ready(home: Home, process: Process) -> None:
    """The run is ready: from now on it is online."""
    with guard.held(home, process.name, _LOCK_S):
        now = _same(home, process)
        if now is None or now.run is None or now.run.ready:
            return
        after_s = round(max(0.0, time.time() - now.run.time_s), 3)
        journal.record_once(home, now.name, "online", {"run": now.run.id, "after_s": after_s})
        runs.note(home, now.name, "ready")
        health.forget(home, now.name, now.run.id)  # it said why it was not ready
        documents.write_meta(home, changed(now.meta, status="online"))


def note_health(home: Home, process: Process, former: Verdict, verdict: Verdict) -> None:
    """The answer of a probe has changed what is known of the run's health."""
    with guard.held(home, process.name, _LOCK_S):
        now = _same(home, process)
        if now is None or now.run is None:
            return
        facts = {"run": now.run.id, "reason": verdict.output}
        if verdict.state == "unhealthy" != former.state:
            why = f"health {now.spec.health.check}: {verdict.output}"
            journal.record_if_possible(home, now.name, "unhealthy", facts)
            told = crash_report.Facts("unhealthy", why)
            crash_report.report(home, now, crash_report.seen(home, now), told)
            hooks.follow(home, now, "on_unhealthy", verdict.output)
        elif former.state == "unhealthy" and verdict.state == "healthy":
            journal.record_if_possible(home, now.name, "healthy", facts)
        values = {
            "time": round(time.time(), 3),
            "state": verdict.state,
            "failures": verdict.failures,
            "output": verdict.output,
        }
        health.write(home, now.name, now.run.id, values)
        if now.spec.health.check is not None and now.meta.health != verdict.state:
            documents.write_meta(home, changed(now.meta, health=verdict.state))


def note_watchdog(home: Home, process: Process, watchdog_s: float | None) -> None:
    """The run has said how long it may be silent: the next resident is to know."""
    with guard.held(home, process.name, _LOCK_S):
        now = _same(home, process)
        if now is not None and now.run is not None:
            health.write_watchdog(home, now.name, now.run.id, watchdog_s)


def note_loop(home: Home, process: Process, why: str) -> None:
    """The process is restarted for a file that its restarts seem to change."""
    with guard.held(home, process.name, _LOCK_S):
        now = _same(home, process)
        if now is not None and now.run is not None:
            facts = {"run": now.run.id, "reason": why}
            journal.record_once(home, now.name, "watch-loop", facts)


def _same(home: Home, process: Process) -> Process | None:
    """The process as it is now, if it is still in the run that was asked. The lock is held."""
    if not definitions.exists(home, process.name):
        return None
    now = load(home, process.name)
    same = now.run is not None and process.run is not None and now.run.id == process.run.id
    return now if same and situation(now, table.boot_id()).child_lives else None
