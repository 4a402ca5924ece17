"""What /proc says: who carries a mark, who is whose parent, memory and processor time."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


def carries(pid: int, mark: str) -> bool:
    """Answer whether `pid` lives with `mark` (NAME=VALUE) in its environment."""
    try:
        return os.fsencode(mark) in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except GONE:
        return False


def marked(mark: str) -> list[int]:
    """Answer the pids that carry `mark`, oldest first; zombies carry nothing."""
    pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    found = [pid for pid in pids if carries(pid, mark)]
    return sorted(found, key=lambda pid: (start_tick(pid), pid))


def stat_fields(pid: int) -> list[str]:
    """Answer the fields of /proc/PID/stat from the third (state) on; none when it is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except GONE:
        return []


def start_tick(pid: int) -> int:
    """Answer when `pid` started, in ticks since boot; 0 when it is gone."""
    fields = stat_fields(pid)
    return int(fields[19]) if fields else 0


def command(pid: int) -> str:
    """Answer the name of the program that `pid` runs; empty when it is gone."""
    try:
        return (PROC / str(pid) / "comm").read_text().rstrip("\n")
    except GONE:
        return ""


def parent(pid: int) -> int:
    """Answer the parent of `pid`; 0 when it is gone."""
    fields = stat_fields(pid)
    return int(fields[1]) if fields else 0


def cpu_s(pids: Iterable[int]) -> float:
    """Answer user and system time that `pids` have used, in ticks of 10 ms.

    With all their threads, and the children that they have waited for.
    """
    rows = [stat_fields(pid) for pid in pids]
    return sum(sum(map(int, row[11:15])) for row in rows if row) / TICKS_PER_S


def pss_bytes(pid: int) -> int:
    """Answer the proportional set size of `pid`; 0 when it is gone."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except GONE:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def program(pid: int) -> str:
    """Answer the short name of the program that `pid` runs; empty when it is gone."""
    try:
        return (PROC / str(pid) / "comm").read_text().strip()
    except GONE:
        return ""


@contextmanager
def pidfd(pid: int) -> Iterator[int | None]:
    """Hold a pidfd of `pid`; None when there is no such process."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)
