"""Taking samples of what every process uses, and keeping them for some days."""

from __future__ import annotations

from tsm.errors import Broken, refused
from tsm.osproc import sample, table
from tsm.store import documents, metrics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tsm.errors import TsmError
    from tsm.model import OsProcess
    from tsm.osproc.sample import Sample
    from tsm.store.home import Home

_EARLY = 0.9  # cron is not to the second: so much of an interval is one


class Sampler:
    """Takes samples, and remembers the last of each process to tell what was used since.

    The first of a child, and so the only one of a patrol that does not stay in memory, tells
    of its processor time what it used since it began.
    """

    def __init__(self) -> None:
        self._former: dict[str, Sample] = {}
        self._pruned: str | None = None  # the newest file when it was last done

    def take(
        self, home: Home, now_s: float, days: int, rows: Iterable[OsProcess] | None = None
    ) -> TsmError | None:
        """Add a sample of each process that is up, and remove those of before the last `days`.

        `now_s` is the time of day; `rows` a process table of just now, where there is one.
        Takes no lock. Never raises for what a disk can cause: the error is the answer.
        """
        try:
            now = self._samples(home, table.processes() if rows is None else rows)
            values = [
                {"name": name, **used(one, self._former.get(name))} for name, one in now.items()
            ]
            self._former = now
            metrics.record(home, now_s, values)
            self._prune(home, now_s, days)
        except OSError as error:
            return refused(error)
        return None

    def last(self, name: str) -> Sample | None:
        """The last sample of a process, whichever run it was of."""
        return self._former.get(name)

    def _samples(self, home: Home, rows: Iterable[OsProcess]) -> dict[str, Sample]:
        children = dict(_children(home, table.boot_id()))
        found = sample.samples([pid for pid, _ in children.values()], rows)
        return {
            name: found[pid]
            for name, (pid, ticks) in children.items()
            if pid in found and found[pid].ticks == ticks
        }

    def _prune(self, home: Home, now_s: float, days: int) -> None:
        """Once a day is enough."""
        newest = metrics.day_files(home)[-1:]
        if newest != [self._pruned]:
            metrics.prune(home, now_s, days)
            self._pruned = newest[0] if newest else None


def due(home: Home, now_s: float, interval_s: float) -> bool:
    """Whether the last sample, whoever took it, is an interval old. Never, for 0."""
    last_s = metrics.last_s(home)
    if interval_s <= 0 or last_s is None:
        return interval_s > 0
    return not last_s <= now_s < last_s + _EARLY * interval_s  # a clock may have been set back


def used(one: Sample, former: Sample | None) -> dict[str, object]:
    """What a sample tells, as it is kept; `former` is the one before, if there was one."""
    cpu = sample.percent_since(former, one)
    return {
        "cpu": sample.percent_of_life(one) if cpu is None else cpu,
        "mem": one.rss_bytes,
        "procs": one.procs,
        "fds": one.fds,
        "threads": one.threads,
        "read": one.read_bytes,
        "written": one.written_bytes,
    }


def _children(home: Home, boot: str) -> Iterable[tuple[str, tuple[int, int]]]:
    """The name of each process with pid and start time of the child that its meta names."""
    for name in home.names():
        try:
            meta = documents.read_meta(home, name)
        except Broken:
            continue
        if meta.pid is not None and meta.ticks is not None and meta.boot == boot:
            yield name, (meta.pid, meta.ticks)
