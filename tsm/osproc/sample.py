"""What the whole of a run uses at one moment: the child, its descendants, and its session."""

from __future__ import annotations

import os
import time

from tsm.osproc.table import TICKS_PER_S, uptime_s
from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tsm.model import OsProcess


class Sample(Record):
    """What a child and all that belongs to it use, summed; shared memory counts in each."""

    at_s: float  # on the clock that nobody sets (CLOCK_MONOTONIC)
    ticks: int  # kernel start time of the child: with its pid, who it is
    cpu_ticks: int  # since the child began, with those of descendants that were waited for
    rss_bytes: int
    procs: int  # at least one: the child
    threads: int
    fds: int | None = None  # open descriptors; None where the kernel does not tell
    read_bytes: int | None = None  # from storage, since they began; None as above
    written_bytes: int | None = None
    rows: tuple[OsProcess, ...] = ()  # of those that lived


def samples(
    roots: Iterable[int], rows: Iterable[OsProcess], *, files: bool = True
) -> dict[int, Sample]:
    """A sample for each of `roots` (pids of children) that lives, from one pass over /proc.

    A process belongs to the nearest root that it descends from, or whose session it or an
    ancestor is in. Without `files` neither descriptors nor io are asked for, which is most
    of the work.
    """
    table = {row.pid: row for row in rows}
    at_s = time.monotonic()
    members = _members(roots, table)
    return {
        root: _summed(at_s, table[root], belonging, files=files)
        for root, belonging in members.items()
    }


def percent_since(former: Sample | None, now: Sample) -> float | None:
    """Percent of one core used since the former sample of the same child; None if there is none.

    Processor time that nobody waited for goes with who used it, so it may seem to shrink: 0.
    """
    if former is None or former.ticks != now.ticks or now.at_s <= former.at_s:
        return None
    used_s = (now.cpu_ticks - former.cpu_ticks) / TICKS_PER_S
    return round(max(0.0, 100.0 * used_s / (now.at_s - former.at_s)), 1)


def percent_of_life(now: Sample) -> float:
    """Percent of one core used since the child began."""
    age_s = uptime_s(now.ticks)
    return round(100.0 * now.cpu_ticks / TICKS_PER_S / age_s, 1) if age_s > 0.01 else 0.0


def _members(roots: Iterable[int], table: Mapping[int, OsProcess]) -> dict[int, list[OsProcess]]:
    """For each living root, who belongs to it, itself among them. Zombies do as well."""
    living = [root for root in roots if root in table and not table[root].dead]
    found: dict[int, list[OsProcess]] = {root: [] for root in living}
    owner: dict[int, int | None] = {root: root for root in living}
    for row in table.values():
        root = _owner(row, table, owner)
        if root is not None:
            found[root].append(row)
    return found


def _owner(
    row: OsProcess, table: Mapping[int, OsProcess], owner: dict[int, int | None]
) -> int | None:
    """The root that `row` belongs to, remembered in `owner` for all on the way up."""
    path = []
    at: OsProcess | None = row
    while at is not None and at.pid not in owner:
        path.append(at.pid)
        if owner.get(at.session) == at.session:  # a session is named after a root
            owner[at.pid] = at.session
            break
        owner[at.pid] = None  # so that a table read while pids came round again ends as well
        at = table.get(at.ppid)
    found = owner[at.pid] if at is not None else None
    owner.update(dict.fromkeys(path, found))
    return found


def _summed(at_s: float, root: OsProcess, rows: list[OsProcess], *, files: bool) -> Sample:
    alive = [row for row in rows if not row.dead]
    asked = alive if files else []
    fds = [_fds(row.pid) for row in asked]
    io = [_io(row.pid) for row in asked]
    return Sample(
        at_s=at_s,
        ticks=root.ticks,
        cpu_ticks=sum(row.cpu_ticks + row.reaped_ticks for row in rows),
        rss_bytes=sum(row.rss_bytes for row in alive),
        procs=len(alive),
        threads=sum(row.threads for row in alive),
        fds=_sum(fds),
        read_bytes=_sum([read for read, _ in io]),
        written_bytes=_sum([written for _, written in io]),
        rows=tuple(alive),
    )


def _sum(parts: list[int | None]) -> int | None:
    """The sum; None if there are no parts, or one of them could not be told."""
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None


def _fds(pid: int) -> int | None:
    """How many descriptors are open; 0 for one that has gone, None where it is not permitted."""
    path = f"/proc/{pid}/fd"
    try:
        # The size is the count from Linux 6.2 on, 0 before (proc_pid_fd(5)).
        return os.stat(path).st_size or len(os.listdir(path))
    except PermissionError:
        return None
    except OSError:
        return 0


def _io(pid: int) -> tuple[int | None, int | None]:
    """Bytes read from and written to storage (proc_pid_io(5)); as `_fds` for the others."""
    try:
        with open(f"/proc/{pid}/io", "rb", buffering=0) as file:
            words = file.read(1024).split()
    except PermissionError:
        return None, None
    except OSError:
        return 0, 0
    # rchar: N wchar: N syscr: N syscw: N read_bytes: N write_bytes: N cancelled_write_bytes: N
    return (int(words[9]), int(words[11])) if len(words) > 11 else (None, None)
