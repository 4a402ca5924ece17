"""Ending runs: politely, then all of what is left of them, many side by side."""

from __future__ import annotations

import signal
import time
from functools import partial

from tsm.errors import Refused, TimedOut, refused
from tsm.model import Identity
from tsm.osproc import cgroups, signals, table
from tsm.osproc.members import Membership, candidates
from tsm.patrol.log_restore import LastWords
from tsm.patrol.notes import brought_up_to_date, note_end
from tsm.policy.state import end_of
from tsm.record import Record, changed
from tsm.store import runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tsm.errors import TsmError
    from tsm.model import OsProcess, Run
    from tsm.patrol.process import Process
    from tsm.store.home import Home

_KILL_S = 10.0  # how long the kernel may take to carry out a SIGKILL
_TELL_S = 1.0  # after so long, and so often, it is told what is waited for
_LOOKS = 10
_LOOK_S = 0.02  # between two looks at the process table, however many runs end


class Ending:
    """One run on its way out."""

    def __init__(self, home: Home, process: Process, run: Run) -> None:
        self.process = process
        self.run = run
        self.membership = Membership(run)
        self.deadline_s = now_s() + process.spec.stop_timeout_s  # of the polite part
        self.asked: set[int] = set()  # pids that got the stop signal
        self.left: list[OsProcess] = []  # at the last look
        self.killed: list[str] = []  # who needed SIGKILL
        self.last_words = LastWords(home, process.name, run.child) if run.child else None

    def first(self) -> list[OsProcess]:
        """The child, if it is still there: it gets the stop signal before all others."""
        child = self.run.child
        return [row for row in self.left if child is not None and row.pid == child.pid]

    def is_beyond_help(self) -> bool:
        """Whether SIGKILL has long been due."""
        return now_s() - self.deadline_s > _KILL_S


class Ended(Record):
    """What became of one process whose run was to end."""

    process: Process
    killed: Sequence[str] = ()
    problem: TsmError | None = None  # with nobody left: its end could not be written down
    left: Sequence[str] = ()  # who has survived SIGKILL: it has not ended, as `problem` says


def end(
    home: Home,
    processes: Sequence[Process],
    tell: Callable[[str], None] | None = None,
    *,
    tell_later: bool = False,
) -> dict[str, Ended]:
    """End the runs of `processes`, as far as they have not ended, and tell by name how.

    First the child gets the stop signal; once it has gone, whoever is left of its run gets
    it too; at the deadline all are killed. What takes more than a second is told to `tell`;
    for `tell_later` see `note_end`. The caller holds all the locks. One of which somebody
    survives SIGKILL (it waits in the kernel, for a disk perhaps) is given up, and has not ended.
    """
    boot = table.boot_id()
    ended: dict[str, Ended] = {}
    running = []
    for process in processes:
        fresh, problem = _attempt(process, partial(brought_up_to_date, home, process, boot))
        ended[process.name] = Ended(fresh, (), problem)
        run = fresh.run
        if run is not None and run.child is not None and run.ended_s is None:
            running.append(Ending(home, fresh, run))  # without a child it never began
    began_s = now_s()
    while running:
        _look(running, boot)
        for one in [one for one in running if not one.left or one.is_beyond_help()]:
            running.remove(one)
            ended[one.process.name] = _outcome(home, one, boot, tell_later=tell_later)
        for one in running:
            _press(one)
        if tell is not None and now_s() - began_s >= _TELL_S:
            tell(_waiting_for(running))
        _await_change(running, boot)
    return ended


def _look(running: Sequence[Ending], boot: str) -> None:
    """Look who is left of each, again where that may be somebody who was gone too soon to tell.

    He may have left a child behind.
    """
    for _ in range(_LOOKS):
        rows = candidates(one.run for one in running)
        for one in running:
            one.left = one.membership.refresh(rows, boot)
        if not any(one.membership.unsure and not one.left for one in running):
            return


def _waiting_for(running: Sequence[Ending]) -> str:
    if not running:
        return ""
    names = [one.process.name for one in running]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    left_s = max(0.0, min(one.deadline_s for one in running) - now_s())
    return f"waiting for {', '.join(names[:3])}{more} to end, SIGKILL in {left_s:.0f} s"


def _attempt(process: Process, write: Callable[[], Process]) -> tuple[Process, TsmError | None]:
    """The process as `write` leaves it. A full disk keeps nobody from being ended."""
    try:
        return write(), None
    except OSError as error:
        return process, refused(error)


def now_s() -> float:
    """The clock that no one sets."""
    return time.monotonic()


def _outcome(home: Home, one: Ending, boot: str, *, tell_later: bool) -> Ended:
    left = [_called(row) for row in one.left]
    if left:
        why = "the kernel holds it, or it is another user's now"
        message = f"{one.process.name}: survived SIGKILL: {', '.join(left)}: {why}"
        return Ended(one.process, one.killed, TimedOut(message), left)
    finish = partial(_finish, home, one, boot, tell_later=tell_later)
    process, problem = _attempt(one.process, finish)
    return Ended(process, one.killed, problem)


def _press(one: Ending) -> None:
    """Send what is due: the stop signal, or SIGKILL."""
    if now_s() >= one.deadline_s:
        for row in one.left:
            if _send(row, signal.SIGKILL) and _called(row) not in one.killed:
                one.killed.append(_called(row))
        return
    number = signals.number(one.process.spec.stop_signal) or signal.SIGTERM
    for row in one.first() or one.left:
        if row.pid not in one.asked:
            one.asked.add(row.pid)
            _send(row, number)
            _send(row, signal.SIGCONT)  # a stopped one hears nothing
    for row in one.left:
        if row.state == "T":  # of a paused run: who is to end waits for his own
            _send(row, signal.SIGCONT)


def _send(row: OsProcess, number: int) -> bool:
    """Whether it was told. One that has become another user's counts as a survivor."""
    try:
        return signals.send(row.pid, row.ticks, number)
    except Refused:
        return False


def _await_change(running: Sequence[Ending], boot: str) -> None:
    """Wait until somebody has gone or a deadline has come, and for a moment more."""
    if not running:
        return
    rows = [(one.first() or one.left)[0] for one in running]
    left_s = min(one.deadline_s for one in running) - now_s()
    heads = [Identity(boot, row.pid, row.ticks) for row in rows]
    signals.await_ends(heads, min(left_s, _TELL_S) if left_s > 0 else _LOOK_S)
    if len(running) > 1:
        time.sleep(_LOOK_S)  # let others go as well: one look serves all


def _finish(home: Home, one: Ending, boot: str, *, tell_later: bool) -> Process:
    """Nobody is left: write down how the run ended."""
    if one.last_words is not None:
        one.last_words.save()
    process = brought_up_to_date(home, one.process, boot)
    run = process.run or one.run
    if run.cgroup is not None:
        cgroups.remove(run.cgroup)
    if process.down is not None and not run.stopped:
        runs.note(home, process.name, "stopped")
        process = changed(process, run=changed(run, stopped=True))
    return note_end(home, process, end_of(run, time.time()), one.killed, tell_later=tell_later)


def dismiss_launchers(processes: Iterable[Process]) -> None:
    """End the launchers of runs that are over, and the sleeps in which they await a restart.

    A sleep that has just been forked, and still shows the launcher's name, is one of them.
    """
    boot = table.boot_id()
    runs_over = (process.run for process in processes)
    waiting = [run for run in runs_over if run is not None and table.alive(run.launcher, boot)]
    launchers = [run.launcher for run in waiting if run.launcher is not None]
    for one in launchers:
        signals.send(one.pid, one.ticks, signal.SIGKILL)
    sessions = {one.pid for one in launchers}
    for row in candidates(waiting) if waiting else ():
        if row.session in sessions and row.comm in ("sleep", "sh"):
            signals.send(row.pid, row.ticks, signal.SIGKILL)


def _called(row: OsProcess) -> str:
    return f"{row.comm} (pid {row.pid})"
