"""What processes use: processor time and memory of a child with all its descendants."""

from __future__ import annotations

from tsm.osproc.table import TICKS_PER_S, uptime_s

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tsm.model import OsProcess


def usage(
    roots: Sequence[int], processes: Callable[[], Iterable[OsProcess]]
) -> dict[int, tuple[float, int]]:
    """For each living root: percent of one core since it began, and bytes of memory (RSS).

    Both are sums over the root and its descendants; pages that they share count in each.
    """
    if not roots:
        return {}
    rows = {row.pid: row for row in processes() if not row.dead}
    owner: dict[int, int | None] = {root: root for root in roots}
    sums = {root: (0, 0) for root in roots if root in rows}
    for row in rows.values():
        root = _owner(row.pid, rows, owner)
        if root in sums:
            ticks, rss_bytes = sums[root]
            sums[root] = (ticks + row.cpu_ticks, rss_bytes + row.rss_bytes)
    return {
        root: (percent(ticks, rows[root]), rss_bytes) for root, (ticks, rss_bytes) in sums.items()
    }


def _owner(pid: int, rows: dict[int, OsProcess], owner: dict[int, int | None]) -> int | None:
    """The root that `pid` descends from, remembered in `owner` for all on the way."""
    path = []
    while pid not in owner and pid in rows:
        path.append(pid)
        pid = rows[pid].ppid
    found = owner.get(pid)
    owner.update(dict.fromkeys(path, found))
    return found


def percent(ticks: int, row: OsProcess) -> float:
    """Percent of one core that `ticks` are of the life of `row` so far."""
    age_s = uptime_s(row.ticks)
    return round(100.0 * ticks / TICKS_PER_S / age_s, 1) if age_s > 0.01 else 0.0
