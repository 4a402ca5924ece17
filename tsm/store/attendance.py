"""What shows that a resident patrol is there, and the FIFO that wakes it."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from tsm.store.atomic import is_named, read_whole, remove, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tsm.store.home import Home

LOCK = ".patrol"  # held by the resident; no process can be called that
_FLOOD_BYTES = 4096  # of names in one go, from which on all are meant


def resident_file(home: Home) -> str:
    """Who the resident is; its mtime is the heartbeat."""
    return f"{home.runtime}/patrol/resident"


def log_file(home: Home) -> str:
    """What patrols that nobody watches have to say."""
    return f"{home.runtime}/patrol/patrol.log"


def notify_file(home: Home) -> str:
    """The socket on which children tell the resident of themselves (sd_notify(3))."""
    return f"{home.runtime}/patrol/notify"


def fifo_file(home: Home) -> str:
    """The FIFO that the resident reads names of processes from."""
    return f"{home.runtime}/patrol.fifo"


def written(home: Home) -> tuple[int, int, float] | None:
    """Pid and start time of the resident as it wrote them, and its last heartbeat; None: none."""
    try:
        with open(resident_file(home), "rb") as file:
            pid, ticks = file.read(64).split()[:2]
            return int(pid), int(ticks), os.fstat(file.fileno()).st_mtime
    except (OSError, ValueError):
        return None


def write(home: Home, pid: int, ticks: int) -> None:
    """Show who the resident is. It holds the lock LOCK."""
    replace(resident_file(home), f"{pid} {ticks}\n".encode("ascii"))


def beat(home: Home, pid: int) -> bool:
    """Show that the resident is awake; False if its file is gone, or that of another one."""
    try:
        os.utime(resident_file(home))
        return _is_of(home, pid)
    except FileNotFoundError:
        return False


def leave(home: Home, pid: int) -> None:
    """Show that this resident is there no more."""
    with suppress(OSError):
        if _is_of(home, pid):
            remove(resident_file(home))


def _is_of(home: Home, pid: int) -> bool:
    return read_whole(resident_file(home)).startswith(b"%d " % pid)


def listen(home: Home) -> int:
    """The FIFO, open for reading without blocking, made if it is missing."""
    path = fifo_file(home)
    try:
        if not stat.S_ISFIFO(os.lstat(path).st_mode):
            os.rename(path, f"{path}.unreadable")
    except FileNotFoundError:
        pass
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)  # without an end of file


def listens(home: Home, fifo: int) -> bool:
    """Whether that is still the FIFO that others find."""
    return is_named(fifo, fifo_file(home))


def heard(fifo: int) -> list[str] | None:
    """The names that were rung for since the last call; None for all of them."""
    data = b""
    with suppress(BlockingIOError):
        while block := os.read(fifo, 65536):
            data += block
    if len(data) >= _FLOOD_BYTES:
        return None
    return list(dict.fromkeys(data.decode("ascii", "replace").split()))


def ring(home: Home, names: Iterable[str]) -> bool:
    """Wake the resident for some processes, without blocking; False if nobody listens."""
    try:
        fifo = os.open(fifo_file(home), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # ENXIO: nobody reads; ENOENT: nobody ever did
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(fifo).st_mode):
            return False  # what is in its place takes everything
        with suppress(BlockingIOError):  # full: then it looks at all, once it gets round to it
            os.write(fifo, "".join(f"{name}\n" for name in names).encode("ascii", "replace"))
    finally:
        os.close(fifo)
    return True
