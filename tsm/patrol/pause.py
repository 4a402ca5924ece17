"""Stopping everybody of a run where they stand, and letting them go on."""

from __future__ import annotations

import signal
import time

from tsm.errors import Failed, TimedOut, TsmError
from tsm.osproc import signals, table
from tsm.osproc.members import Membership
from tsm.patrol.notes import brought_up_to_date
from tsm.patrol.process import situation
from tsm.policy import state
from tsm.record import Record
from tsm.store import journal, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tsm.model import OsProcess, Run
    from tsm.patrol.process import Process
    from tsm.store.home import Home

_STILL_S = 10.0  # how long somebody may take to stand still; a disk may hold him up
_LOOK_S = 0.002
_STILL = "Tt"  # stopped, by a signal or by who traces it


class Paused(Record):
    """What became of one process that was to be paused or resumed."""

    name: str
    count: int = 0  # of OS processes that were stopped, or let go on; 0: nobody had to be
    left: int = 0  # of those that were stopped before the pause, and still are
    problem: TsmError | None = None


class _Pausing:
    """One run on its way to a standstill."""

    def __init__(self, process: Process, run: Run) -> None:
        self.process = process
        self.run = run
        self.membership = Membership(run)
        self.told: set[tuple[int, int]] = set()  # who had to be stopped


def pause(home: Home, processes: Iterable[Process]) -> list[Paused]:
    """Stop everybody of the runs of `processes`; return when all of them stand still.

    The caller holds the locks. Whoever is forked meanwhile is stopped as well. Somebody who
    was stopped already is noted, for `resume` to leave him so.
    """
    boot = table.boot_id()
    pausing, done = [], []
    for process in processes:
        fresh = brought_up_to_date(home, process, boot)
        run = fresh.run
        if run is None or not situation(fresh, boot).child_lives:
            done.append(Paused(process.name, problem=_not_up(fresh, boot, "paused")))
        else:
            pausing.append(_Pausing(fresh, run))
    deadline_s = time.monotonic() + _STILL_S
    while pausing:
        rows = table.processes()
        late = time.monotonic() > deadline_s
        for one in list(pausing):
            found = _stilled(home, one, rows, late=late)
            if found is not None:
                pausing.remove(one)
                done.append(found)
        time.sleep(_LOOK_S if pausing else 0)
    return sorted(done, key=lambda one: one.name)


def resume(home: Home, processes: Iterable[Process]) -> list[Paused]:
    """Let everybody of the runs of `processes` go on, but for who was stopped before the pause.

    The caller holds the locks. Without a pause by command, all who are stopped go on.
    """
    boot = table.boot_id()
    rows = table.processes()
    return [_resumed(home, process, rows, boot) for process in processes]


def _stilled(home: Home, one: _Pausing, rows: Sequence[OsProcess], *, late: bool) -> Paused | None:
    """What became of it, once nobody of the run moves or something went wrong; None before."""
    name = one.process.name
    members = one.membership.refresh(rows, one.run.boot)
    if not members:
        return Paused(name, problem=Failed(f"{name}: has just ended: it cannot be paused"))
    moving = [row for row in members if row.state not in _STILL]
    if late and moving:
        who = ", ".join(f"{row.comm} (pid {row.pid})" for row in moving)
        return Paused(name, problem=TimedOut(f"{name}: does not stand still: {who}"))
    if moving and not one.told:
        _note_pause(home, one, [row for row in members if row.state in _STILL])
    try:
        _stop(one, members)
    except TsmError as problem:
        return Paused(name, problem=problem)
    if moving:
        return None
    if one.told or (one.run.paused is not None and _last(home, one.run, name) != "pause"):
        journal.record(home, name, "pause", {"run": one.run.id})
    return Paused(name, len(one.told))


def _stop(one: _Pausing, members: Sequence[OsProcess]) -> None:
    """Stop whoever moves, but for one whose parent may wait for his exec, as vfork(2) makes it.

    Both would stand in the way of each other, so one that was stopped just then goes on.
    """
    waiting = {row.pid for row in members if row.state == "D"}
    for row in sorted(members, key=_age):
        awaited, known = row.ppid in waiting, (row.pid, row.ticks) in one.told
        if awaited and known and row.state == "T":
            signals.send(row.pid, row.ticks, signal.SIGCONT)
        moves = row.state not in _STILL and not awaited
        if moves and signals.send(row.pid, row.ticks, signal.SIGSTOP):
            one.told.add((row.pid, row.ticks))


def _note_pause(home: Home, one: _Pausing, still: Iterable[OsProcess]) -> None:
    """Note the pause before it begins, and who is stopped already.

    Of a pause that was cut short, the first list counts: by now it has stopped others.
    """
    before = {(row.pid, row.ticks) for row in still}
    if one.run.paused is not None:
        before &= {(who.pid, who.ticks) for who in one.run.paused}
    words = [f"{pid} {ticks}" for pid, ticks in sorted(before)]
    runs.note(home, one.process.name, " ".join(["paused", *words]))


def _resumed(home: Home, process: Process, rows: Sequence[OsProcess], boot: str) -> Paused:
    name, run = process.name, process.run
    if run is None or not situation(process, boot).child_lives:
        return Paused(name, problem=_not_up(process, boot, "resumed"))
    members = Membership(run).refresh(rows, boot)
    still = sorted((row for row in members if row.state == "T"), key=_age, reverse=True)
    spared = {(who.pid, who.ticks) for who in run.paused or ()}
    woken = [row for row in still if (row.pid, row.ticks) not in spared]
    try:
        for row in woken:  # parents last: none finds a child that is still stopped
            signals.send(row.pid, row.ticks, signal.SIGCONT)
    except TsmError as problem:
        return Paused(name, problem=problem)
    if run.paused is not None:
        runs.note(home, name, "resumed")
    if woken:
        journal.record(home, name, "resume", {"run": run.id})
    return Paused(name, len(woken), len(still) - len(woken))


def _not_up(process: Process, boot: str, verb: str) -> Failed:
    word, _ = state.status(situation(process, boot))
    return Failed(f"{process.name}: is {word}: only what is up can be {verb}")


def _last(home: Home, run: Run, name: str) -> str | None:
    """The last pause or resume of the run that stands in the journal."""
    last = journal.last_events(journal.history_file(home, name))
    found = [event["event"] for event in last if event.get("run") == run.id]
    return next((event for event in reversed(found) if event in ("pause", "resume")), None)


def _age(row: OsProcess) -> tuple[int, int]:
    return row.ticks, row.pid
