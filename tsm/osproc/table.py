"""The kernel's process table: who lives, and is it still the same one."""

from __future__ import annotations

import errno
import os
import time
from functools import cache

from tsm.model import Identity, OsProcess
from tsm.osproc.younger import born_since, last_pid, narrowed
from tsm.record import changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LAUNCHER = os.path.join(os.path.dirname(__file__), "launch.sh")
_OUT_OF_THEM = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)  # the machine, or this program
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@cache
def boot_id() -> str:
    """The id of this boot of the machine (random(4)); pids and ticks mean nothing beyond it."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def lookup(pid: int, since_ticks: int = 0) -> OsProcess | None:
    """The process with that pid, zombies included; None if there is none, or it is older.

    Raises OSError for want of descriptors or memory, as all here: nobody is dead for that.
    """
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError as error:
        _check_gone(error)
        return None
    try:
        found = _parsed(pid, os.read(fd, 4096), since_ticks)
    except OSError as error:  # it went away between open and read
        _check_gone(error)
        return None
    finally:
        os.close(fd)
    return found if found is None or found.state != "Z" else _by_its_threads(found)


def processes(since: Sequence[Identity] = (), made: int = 0) -> list[OsProcess]:
    """Every process that the caller may see, in no order; those no older than `since`, if given.

    `made` is how many tasks the kernel had made before them, at least; the more, the fewer
    others are looked at.
    """
    ticks = min((one.ticks for one in since), default=0)
    last = last_pid()
    pids: Iterable[int] = (int(entry) for entry in os.listdir("/proc") if entry.isdecimal())
    if since:
        pids = narrowed(pids, [one.pid for one in since], made)
    found = {pid: lookup(pid, ticks) for pid in pids}
    # One that forks and ends again and again would always be between the listing and the look.
    found |= {pid: lookup(pid, ticks) for pid in born_since(last) if _is_process(pid)}
    return [process for process in found.values() if process is not None]


def living(identity: Identity | None, boot: str) -> OsProcess | None:
    """That very process, if it lives. A zombie does not, nor does one of another boot."""
    if identity is None or identity.boot != boot:
        return None
    process = lookup(identity.pid)
    if process is None or process.ticks != identity.ticks or process.dead:
        return None
    return process


def alive(identity: Identity | None, boot: str) -> bool:
    """Whether that very process lives."""
    return living(identity, boot) is not None


def identity(pid: int, boot: str) -> Identity | None:
    """The identity of the process that has `pid` now."""
    process = lookup(pid)
    return None if process is None or process.dead else Identity(boot, pid, process.ticks)


def run_of(pid: int) -> str | None:
    """The TSM_RUN that the process was born with; None if it has none or may not be asked."""
    return variable(pid, "TSM_RUN")


def variable(pid: int, name: str) -> str | None:
    """A variable of the environment that the process was born with, or None."""
    return variable_in(environ(pid), name)


def environ(pid: int) -> bytes:
    """The environment that the process was born with; empty for nobody."""
    return _memory(pid, "environ")


def variable_in(environ: bytes, name: str) -> str | None:
    """A variable of such an environment, or None."""
    key = name.encode("ascii") + b"="
    for entry in environ.split(b"\0"):
        if entry.startswith(key):
            return entry[len(key) :].decode("utf-8", "replace")
    return None


def command_line(pid: int) -> list[str]:
    """The argv of the process, empty for a zombie, a kernel thread, or nobody."""
    raw = _memory(pid, "cmdline")
    return [os.fsdecode(word) for word in raw.split(b"\0")[:-1]]


def uptime_s(ticks: int) -> float:
    """Seconds since the kernel tick at which a process began."""
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / TICKS_PER_S)


def threads(pid: int) -> Iterator[tuple[str, OsProcess]]:
    """The threads of a process that have not gone: the path of each in /proc, and its row."""
    folder = f"/proc/{pid}/task"
    try:
        names = os.listdir(folder)
    except OSError as error:
        _check_gone(error)
        return
    for path in (f"{folder}/{name}" for name in names):
        stat = _bytes(f"{path}/stat")
        row = _parsed(pid, stat, 0) if stat else None
        if row is not None:
            yield path, row


def _is_process(pid: int) -> bool:
    """Whether that is the number of a process: threads can be looked at by theirs as well."""
    return f"\nTgid:\t{pid}\n".encode("ascii") in _bytes(f"/proc/{pid}/status")


def _by_its_threads(row: OsProcess) -> OsProcess:
    """A process whose first thread has ended: it is a zombie only if none of them lives."""
    others = threads(row.pid) if row.threads > 1 else ()
    one = next((other for _, other in others if not other.dead), row)
    return changed(row, state=one.state, rss_bytes=one.rss_bytes)


def _memory(pid: int, name: str) -> bytes:
    """A file of /proc/PID that shows memory, which a thread that has ended has no more."""
    found = _bytes(f"/proc/{pid}/{name}")
    others = threads(pid) if not found else ()
    return found or next((_bytes(f"{path}/{name}") for path, row in others if not row.dead), b"")


def _check_gone(error: OSError) -> None:
    """Raise what tells nothing of a process; else it has gone, or may not be looked at."""
    if error.errno in _OUT_OF_THEM:
        raise error


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError as error:
        _check_gone(error)
        return b""


def _parsed(pid: int, stat: bytes, since_ticks: int) -> OsProcess | None:
    # The name may hold spaces and parentheses: the fields begin after the last ")".
    head, _, tail = stat.rpartition(b")")
    field = tail.split(None, 22)
    if int(field[19]) < since_ticks:
        return None
    return OsProcess(
        pid=pid,
        comm=head.partition(b"(")[2].decode("utf-8", "replace"),
        state=field[0].decode("ascii"),
        ppid=int(field[1]),
        session=int(field[3]),
        cpu_ticks=int(field[11]) + int(field[12]),
        ticks=int(field[19]),
        rss_bytes=int(field[21]) * _PAGE_BYTES,
        threads=int(field[17]),
        reaped_ticks=int(field[13]) + int(field[14]),
    )
