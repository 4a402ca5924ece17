"""Runs whose end was noted, and is reported after the next run has begun.

By whoever comes next, where the one who was to do it is killed before that.
"""

from __future__ import annotations

from contextlib import suppress

from tsm.errors import Broken
from tsm.patrol import crash_report
from tsm.policy import state
from tsm.record import changed
from tsm.store import journal, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tsm.model import Run
    from tsm.osproc.sample import Sample
    from tsm.patrol.crash_report import Seen
    from tsm.patrol.process import Process
    from tsm.store.home import Home


def report_left(home: Home, process: Process, last: Sample | None) -> None:
    """Report the end of the run whose record was kept for that, if it has been noted.

    The caller holds the lock; another run may have begun, but no third. `last` is the last
    sample of it, if one is in memory.
    """
    run = None
    with suppress(Broken):  # which `check` tells
        run = runs.unreported(home, process.name)
        process = changed(process, run=runs.read(home, process.name))
    if run is None or run.ended_s is None:
        return  # whoever notes the end reports it
    event = _end_event(home, process.name, run)
    crashed, killed = event.get("event") == "crash", event.get("killed", [])
    if crashed or killed:
        at = _seen_then(home, process, run, run.ended_s)
        end = state.end_of(run, run.ended_s)
        process = changed(process, run=run)
        facts = crash_report.of_end(home, process, end, killed, crashed=crashed)
        crash_report.report(home, process, at, changed(facts, last=last))
    runs.reported(home, process.name)


def _end_event(home: Home, name: str, run: Run) -> dict[str, Any]:
    """What was journaled when the run had ended."""
    events = journal.last_events(journal.history_file(home, name))
    return next((one for one in events if one.get("run") == run.id and "code" in one), {})


def _seen_then(home: Home, process: Process, run: Run, ended_s: float) -> Seen:
    """What there was to be seen when `run` had ended, of which the next run may have begun."""
    at = changed(crash_report.seen(home, changed(process, run=run)), time_s=ended_s)
    now = process.run
    if now is None or now.id == run.id:
        return at
    out, err = (
        reach and changed(reach, end=min(reach.end, end))
        for reach, end in zip((at.out, at.err), now.logs, strict=True)
    )
    return changed(at, out=out, err=err)
