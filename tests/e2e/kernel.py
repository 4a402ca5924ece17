"""What the kernel says of processes, asked by the tests themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tests import proc
from tests.machine import alive
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


def running(*argv: str) -> list[int]:
    """The pids of the living that were executed with exactly these words."""
    return sorted(pid for pid in proc.pids() if proc.argv_of(pid) == list(argv))


def children(pid: int, *, zombies: bool = False) -> list[int]:
    """The pids of the living, or of the dead as well, whose parent is `pid`."""
    born = (one for one in proc.pids() if proc.fields(one)[1:2] == [str(pid)])
    return sorted(one for one in born if zombies or alive(one))


def session_of(pid: int) -> int:
    """The session that the process is in."""
    return int(proc.fields(pid)[3])


def start_ticks(pid: int) -> int:
    """When the process began, in clock ticks since boot."""
    return int(proc.fields(pid)[19])


def state_of(pid: int) -> str:
    """The letter of proc_pid_stat(5): `S` asleep, `T` stopped, `Z` zombie; empty for nobody."""
    return next(iter(proc.fields(pid)), "")


def system_call_of(pid: int) -> str:
    """The number of the system call that the process is in, or `running`."""
    return Path(f"/proc/{pid}/syscall").read_text().split()[0]


def status_field(pid: int, field: str) -> str:
    """A field of /proc/PID/status, such as `Umask`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{field}:"))


def send(pid: int, number: int) -> None:
    """Send a signal; freezing is over only once the process stands still."""
    os.kill(pid, number)
    if number == signal.SIGSTOP:
        eventually(lambda: state_of(pid) in ("T", "Z"))


def long_sleep() -> tuple[str, str]:
    """The argv of a program that outlives any test; nobody else has the same."""
    return "sleep", str(10**9 + uuid4().int % 10**9)


def unrunnable(path: Path) -> Path:
    """A program in which nothing is wrong at first sight, and that no exec can run."""
    through = path.with_name("through")
    for one, interpreter in ((through, "/no/such/interpreter"), (path, through)):
        one.write_text(f"#!{interpreter}\n")
        one.chmod(0o755)
    return path


@contextmanager
def bystander(*argv: str) -> Iterator[int]:
    """The pid of a process that tsm has nothing to do with; it must live to the end.

    It has another start time than whatever was there before.
    """
    before = _clock_ticks()
    eventually(lambda: _clock_ticks() > before)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as program:
        try:
            eventually(lambda: proc.argv_of(program.pid) == list(argv))
            yield program.pid
            assert alive(program.pid), f"the bystander {argv} was ended"
        finally:
            program.kill()


def _clock_ticks() -> int:
    """The kernel's time, in the unit of start times."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
