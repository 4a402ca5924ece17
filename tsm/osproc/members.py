"""Everyone who belongs to a run: session, descendants, cgroup, and who carries its TSM_RUN."""

from __future__ import annotations

import os
import time

from tsm.model import Identity, Run
from tsm.osproc import cgroups
from tsm.osproc.table import (
    LAUNCHER,
    boot_id,
    command_line,
    environ,
    lookup,
    processes,
    run_of,
    uptime_s,
    variable,
    variable_in,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tsm.model import OsProcess

_FRESH_S = 5.0  # in which no number comes round again


class Membership:
    """Who has been seen to belong to one run.

    Once seen, a process stays known by (pid, start time): it may lose its parent, leave
    the session, or write over its environment before the next look.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.known: dict[int, int] = {}  # pid -> start time
        self.unsure = False  # somebody has gone before it was seen whether he belonged to it
        self._session = False  # whether the session of the child's number is known to be his
        # Nobody who is older than these belongs to it.
        self._ticks = min((one.ticks for one in _firsts(run)), default=0)

    def refresh(self, table: Sequence[OsProcess], boot: str) -> list[OsProcess]:
        """Look for members in `table`, add them to the known, and return the living.

        No members: whoever is older than the run, the launcher and what it runs, the
        command that asks, and whoever carries the TSM_RUN of another run.
        """
        if self.run.boot != boot:
            return []
        candidates = [row for row in table if self._possible(row)]
        environs = {row.pid: environ(row.pid) for row in candidates}
        carried = {pid: variable_in(one, "TSM_RUN") for pid, one in environs.items()}
        self.unsure = any(not one and lookup(pid) is None for pid, one in environs.items())
        candidates = [row for row in candidates if carried[row.pid] in (None, self.run.id)]
        own_session = self._has_session(table)
        grouped = cgroups.members(self.run.cgroup) if self.run.cgroup else set()
        living = {
            row.pid: row
            for row in candidates
            if carried[row.pid] == self.run.id
            or row.pid in grouped
            or self._known(row, in_session=own_session)
        }
        _add_descendants(living, candidates)
        self.known.update((row.pid, row.ticks) for row in living.values())
        return list(living.values())

    def _possible(self, row: OsProcess) -> bool:
        launcher = self.run.launcher
        if row.dead or row.ticks < self._ticks or row.pid == os.getpid():
            return False
        if self._is_child(row):
            return True  # in the launcher's session until it has got to its exec
        return launcher is None or launcher.pid not in (row.pid, row.session)

    def _known(self, row: OsProcess, *, in_session: bool) -> bool:
        child = self.run.child
        if child is not None and in_session and row.session == child.pid:
            return True
        return self._is_child(row) or self.known.get(row.pid) == row.ticks

    def _is_child(self, row: OsProcess) -> bool:
        child = self.run.child
        return child is not None and (row.pid, row.ticks) == (child.pid, child.ticks)

    def _has_session(self, table: Sequence[OsProcess]) -> bool:
        """Whether a session of the child's number is that of the child.

        No other gets the number while he lives, or while anybody is in his session. Where he
        had gone before the first look, that must have been just before.
        """
        child = self.run.child
        if child is None:
            return False
        holder = next((row for row in table if row.pid == child.pid), None)
        if holder is not None:
            self._session = holder.ticks == child.ticks
        elif not self._session:
            exit_s = self.run.exit_s
            return exit_s is not None and 0 <= time.time() - exit_s < _FRESH_S
        return self._session


def candidates(runs: Iterable[Run]) -> list[OsProcess]:
    """Every process that is as young as one of the runs, of which some have a child or launcher."""
    runs = list(runs)
    firsts = [first for run in runs for first in _firsts(run)]
    return processes(firsts, min(run.tasks for run in runs))


def _firsts(run: Run) -> list[Identity]:
    return [one for one in (run.child, run.launcher) if one is not None]


def _add_descendants(living: dict[int, OsProcess], candidates: Sequence[OsProcess]) -> None:
    grown = True
    while grown:
        found = [row for row in candidates if row.ppid in living and row.pid not in living]
        living.update((row.pid, row) for row in found)
        grown = bool(found)


def carrier(run: Run) -> OsProcess | None:
    """The oldest process but the launcher that carries the TSM_RUN of the run."""
    launcher = run.launcher.pid if run.launcher is not None else None
    rows = [row for row in processes() if row.pid != launcher and not row.dead]
    found = [row for row in rows if run_of(row.pid) == run.id]
    return min(found, key=lambda row: (row.ticks, row.pid), default=None)


def run_within(directory: str) -> Run | None:
    """The run of a process directory as the kernel knows it; None if nobody proves to be of it.

    A launcher of that name works in the directory. A child carries the name and writes its
    log there.
    """
    name = os.path.basename(directory)
    rows = [row for row in processes() if not row.dead and run_of(row.pid) is not None]
    launcher = next((row for row in rows if _launches(row.pid, name, directory)), None)
    child = next((row for row in rows if _writes(row.pid, name, directory)), None)
    if launcher is not None:
        run_id = run_of(launcher.pid)
        child = next((row for row in rows if row.ppid == launcher.pid), child)
    else:
        run_id = run_of(child.pid) if child is not None else None
    first = launcher or child
    if first is None or run_id is None:
        return None
    boot = boot_id()
    return Run(
        id=run_id,
        boot=boot,
        time_s=time.time() - uptime_s(first.ticks),
        why="start",
        launcher=Identity(boot, launcher.pid, launcher.ticks) if launcher is not None else None,
        child=Identity(boot, child.pid, child.ticks) if child is not None else None,
    )


def _launches(pid: int, name: str, directory: str) -> bool:
    return command_line(pid)[1:3] == [LAUNCHER, name] and _link(pid, "cwd") == directory


def _writes(pid: int, name: str, directory: str) -> bool:
    log = os.path.realpath(f"{directory}/current.out")  # /dev/null is what anybody has
    named = variable(pid, "TSM_NAME") == name
    return named and os.path.isfile(log) and _link(pid, "fd/1") == log


def _link(pid: int, name: str) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return None


def tree(root: int, table: Iterable[OsProcess]) -> list[tuple[int, OsProcess]]:
    """`root` and its descendants, depth first, each with its depth."""
    children: dict[int, list[OsProcess]] = {}
    for row in table:
        children.setdefault(row.ppid, []).append(row)
    first = lookup(root)
    rows = []
    stack = [] if first is None else [(0, first)]
    while stack:
        depth, row = stack.pop()
        rows.append((depth, row))
        stack += [(depth + 1, child) for child in reversed(children.get(row.pid, []))]
    return rows
