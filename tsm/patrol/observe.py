"""What a process is at this moment, for those who only look: no lock is taken, nothing written."""

from __future__ import annotations

import time

from tsm.errors import Broken, Failed
from tsm.osproc import table
from tsm.patrol import presence
from tsm.patrol.choose import chosen
from tsm.patrol.process import living_child, load, situation
from tsm.policy import state
from tsm.record import Record, changed
from tsm.store import documents, health, lock, runs

_STALE_S = 150.0  # what nobody has asked for so long is not known; cron asks each minute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.errors import TsmError
    from tsm.model import Meta, OsProcess
    from tsm.patrol.process import Process
    from tsm.policy.state import Situation
    from tsm.store.home import Home


class Observed(Record):
    """One process as a reader sees it."""

    name: str
    status: str
    reason: str = ""  # why it or its health is so, if that needs saying; a broken file by its path
    pid: int | None = None  # of the living child
    ticks: int | None = None  # its kernel start time
    meta: Meta | None = None  # None if broken
    health: str | None = None  # healthy, unhealthy or unknown; None if nobody asks
    due_s: float | None = None  # when its schedule, or a restart, is due


def observe(home: Home, name: str, boot: str, *, attended: bool = False) -> Observed | None:
    """The process as it is now; None if it was deleted meanwhile.

    `attended` says that a resident patrol lives, or is just coming; else that is looked up.

    Most are online or at rest, and meta and one look at the kernel tell: only where these
    two disagree is everything read.
    """
    try:
        meta = documents.read_meta(home, name)
        if meta.name != name:
            return _broken_or_gone(
                home, name, f"{home.file(name, 'meta.json')}: name is not {name}"
            )
        row = living_child(meta, boot)
        if row is not None:
            return _living(home, row, meta, down=runs.wanted_down(home, name) is not None)
        process, at = _situated(home, name, boot, attended=attended)
        word, why = state.status(at)
        child = process.run.child if process.run is not None and at.child_lives else None
        if child is not None:
            meta = process.begun or process.meta
            return Observed(name, word, why, child.pid, child.ticks, meta, meta.health)
        short = state.short_runs(at.rule, process.run, word, at.now_s)
        now = changed(process.meta, unstable_restarts=short)
        return Observed(name, word, why, None, None, now, None, state.due_s(at))
    except Broken as error:
        return _broken_or_gone(home, name, str(error))


def _situated(home: Home, name: str, boot: str, *, attended: bool) -> tuple[Process, Situation]:
    """The process as all of its files and the kernel show it.

    Who starts one goes through states that would need a patrol if nobody was at it.
    """
    process = load(home, name)
    while True:
        at = situation(process, boot, attended=attended or presence.attended(home))
        if not state.is_due(at):
            return process, at
        if lock.holder(home, name) is not None:
            return process, changed(at, acted_on=True)
        before, process = process, load(home, name)
        if process == before:
            from tsm.patrol import crash_report  # what is overdue is rare

            return process, changed(at, failed=crash_report.failed_start(home, process) or "")


def _living(home: Home, row: OsProcess, meta: Meta, *, down: bool) -> Observed:
    """One whose child lives."""
    word = "paused" if row.state == "T" else meta.status
    if word not in ("launching", "paused"):
        word = "online"
    found = Observed(meta.name, "stopping" if down else word, "", row.pid, row.ticks, meta)
    if down or (meta.health is None and word != "launching"):
        return changed(found, due_s=meta.due)
    run = runs.read(home, meta.name)
    known = health.read(home, meta.name, run.id if run is not None else "")
    since_s = known.get("time")
    fresh = isinstance(since_s, int | float) and time.time() - since_s < _STALE_S
    trusted = fresh or presence.attended(home)
    verdict = meta.health if trusted or meta.health is None else "unknown"
    said, reason = known.get("output") if trusted else None, ""
    if word == "launching":
        reason = f"ready probe: {said}" if said else "not ready yet"
    elif verdict == "unhealthy":
        reason = f"health probe: {said}" if said else ""
    return changed(found, health=verdict, due_s=meta.due, reason=reason)


def observe_all(home: Home, words: Sequence[str]) -> list[Observed]:
    """The processes that `words` mean, in the order of their ids; all of them for no words."""
    names = chosen(home, words or ["all"])
    boot = table.boot_id()
    found = [one for one in (observe(home, name, boot) for name in names) if one is not None]
    return sorted(found, key=lambda one: (one.meta.tsm_id if one.meta else 0, one.name))


def without_child(observed: Sequence[Observed], more: str = "") -> list[TsmError]:
    """What to say of those of which no child is known; of a broken one, nobody can tell."""
    found: list[TsmError] = [Broken(one.reason) for one in observed if one.status == "broken"]
    down = [one.name for one in observed if one.pid is None and one.status != "broken"]
    return [*found, Failed(f"{', '.join(down)}: not running{more}")] if down else found


def uptime_s(one: Observed) -> float | None:
    """Seconds that the living child has been up; None if there is none."""
    return None if one.ticks is None else round(table.uptime_s(one.ticks), 3)


def _broken_or_gone(home: Home, name: str, reason: str) -> Observed | None:
    if name not in home.names():
        return None
    return Observed(name, "broken", reason)
