"""What a process is at this moment, for those who only look: no lock is taken, nothing written."""

from __future__ import annotations

from tsm.errors import Broken
from tsm.osproc import table
from tsm.patrol.choose import chosen
from tsm.patrol.process import load, situation
from tsm.policy import state
from tsm.record import Record
from tsm.store import documents, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.model import Meta
    from tsm.store.home import Home


class Observed(Record):
    """One process as a reader sees it."""

    name: str
    status: str
    reason: str = ""  # why it is so, where that needs saying; a broken file by its path
    pid: int | None = None  # of the living child
    ticks: int | None = None  # its kernel start time
    meta: Meta | None = None  # None if broken


def observe(home: Home, name: str, boot: str) -> Observed | None:
    """The process as it is now; None if it was deleted meanwhile.

    Most are online or at rest, and meta and one look at the kernel tell: only where these
    two disagree is everything read.
    """
    try:
        meta = documents.read_meta(home, name)
        if meta.name != name:
            return _broken_or_gone(
                home, name, f"{home.file(name, 'meta.json')}: name is not {name}"
            )
        if meta.pid is not None and meta.ticks is not None and meta.boot == boot:
            row = table.lookup(meta.pid)
            if row is not None and row.ticks == meta.ticks and not row.dead:
                word = "online" if runs.wanted_down(home, name) is None else "stopping"
                return Observed(name, word, "", meta.pid, meta.ticks, meta)
        process = load(home, name)
        at = situation(process, boot)
        word, why = state.status(at)
        child = process.run.child if process.run is not None and at.child_lives else None
        if child is None:
            return Observed(name, word, why, None, None, process.meta)
        return Observed(name, word, why, child.pid, child.ticks, process.meta)
    except Broken as error:
        return _broken_or_gone(home, name, str(error))


def observe_all(home: Home, words: Sequence[str]) -> list[Observed]:
    """The processes that `words` mean, in the order of their ids; all of them for no words."""
    names = chosen(home, words or ["all"])
    boot = table.boot_id()
    found = [one for one in (observe(home, name, boot) for name in names) if one is not None]
    return sorted(found, key=lambda one: (one.meta.tsm_id if one.meta else 0, one.name))


def uptime_s(one: Observed) -> float | None:
    """Seconds that the living child has been up; None if there is none."""
    return None if one.ticks is None else round(table.uptime_s(one.ticks), 3)


def _broken_or_gone(home: Home, name: str, reason: str) -> Observed | None:
    if name not in home.names():
        return None
    return Observed(name, "broken", reason)
