"""What /proc says, cheaply: tests look at every process of the machine, again and again."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PF_KTHREAD = 0x00200000  # in proc(5)'s flags of a process


def pids() -> Iterator[int]:
    """Of all processes, zombies included."""
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


def argv_of(pid: int) -> list[str]:
    """What the process was executed with; none for a zombie or nobody."""
    return [os.fsdecode(word) for word in _content(f"/proc/{pid}/cmdline").split(b"\0")[:-1]]


def fields(pid: int) -> list[str]:
    """Those of /proc/PID/stat from the third (state) on; none for nobody."""
    return _content(f"/proc/{pid}/stat").rpartition(b")")[2].decode().split()


def is_kernels(pid: int) -> bool:
    """Whether it is a thread of the kernel's, which has no environment and no files."""
    flags = fields(pid)[6:7]
    return bool(flags) and bool(int(flags[0]) & _PF_KTHREAD)


def environs(pid: int) -> Iterator[bytes]:
    """Its environment; that of each thread, where the first has none: it may have ended."""
    environ = _content(f"/proc/{pid}/environ")
    if environ:
        yield environ
        return
    with suppress(OSError):  # ended
        for thread in os.listdir(f"/proc/{pid}/task"):
            yield _content(f"/proc/{pid}/task/{thread}/environ")


def streams(pid: int) -> Iterator[str]:
    """What its standard input, output and error lead to."""
    for fd in range(3):
        with suppress(OSError):  # closed, or another user's
            yield os.readlink(f"/proc/{pid}/fd/{fd}")


def _content(path: str) -> bytes:
    """A file of a process; nothing if it has ended, or is another user's."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""
