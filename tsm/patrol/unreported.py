"""Runs whose end was noted, and nothing else: the next run was not to wait for that.

What there is to tell of it is told by whoever has noted it, or, where that one is killed, by
whoever comes next.
"""

from __future__ import annotations

from contextlib import suppress

from tsm.errors import Broken
from tsm.patrol import crash_report, notes
from tsm.policy import state
from tsm.record import changed
from tsm.store import runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import Exit, Run
    from tsm.osproc.sample import Sample
    from tsm.patrol.crash_report import Seen
    from tsm.patrol.process import Process
    from tsm.store.home import Home


def tell(home: Home, process: Process) -> None:
    """Journal the end of the run whose record was kept, and have its hooks run, once.

    The caller holds the lock; another run may have begun, but not been noted, and no third.
    """
    run, now = _unreported(home, process.name)
    if run is not None and run.ended_s is not None:
        _tell(home, changed(process, run=run), state.end_of(run, run.ended_s), now)


def report(home: Home, process: Process, last: Sample | None) -> None:
    """The same, report a crash, and forget the record. `last` is the last sample of the run."""
    run, now = _unreported(home, process.name)
    if run is None or run.ended_s is None:
        return  # whoever notes the end tells of it
    process, end = changed(process, run=run), state.end_of(run, run.ended_s)
    _tell(home, process, end, now)
    if notes.end_event(process, end) == "crash":
        at = _seen_then(home, process, now, run.ended_s)
        facts = crash_report.of_end(home, process, end, (), crashed=True)
        crash_report.report(home, process, at, changed(facts, last=last))
    runs.reported(home, process.name)


def _tell(home: Home, process: Process, end: Exit, now: Run | None) -> None:
    """The same; `process` is as it was, `now` the run that there is."""
    if now is not None and process.run is not None and now.id == process.run.id:
        runs.publish_pid(home, process.name, None)
    if notes.journal_end(home, process, end):
        notes.follow_end(home, process, end)


def _unreported(home: Home, name: str) -> tuple[Run | None, Run | None]:
    """The run whose record was kept, and the one that there is now."""
    with suppress(Broken):  # which `check` tells
        return runs.unreported(home, name), runs.read(home, name)
    return None, None


def _seen_then(home: Home, process: Process, now: Run | None, ended_s: float) -> Seen:
    """What there was to be seen when the run had ended; `now`, the next may have begun."""
    at = changed(crash_report.seen(home, process), time_s=ended_s)
    if now is None or process.run is None or now.id == process.run.id:
        return at
    out, err = (
        reach and changed(reach, end=min(reach.end, end))
        for reach, end in zip((at.out, at.err), now.logs, strict=True)
    )
    return changed(at, out=out, err=err)
