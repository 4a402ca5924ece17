"""The log files of a process: where they are, and what stands at one place of them."""

from __future__ import annotations

import os
import stat

from tsm.spec import MERGED
from tsm.store.atomic import regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

STREAMS = ("out", "err")
_POSITION_DIGITS = 16  # of the first line of an index


def current(home: Home, name: str, stream: str) -> str:
    """The file that the child writes `stream` ("out" or "err") to."""
    return home.file(name, f"current.{stream}")


def size(home: Home, name: str, stream: str) -> int:
    """How many bytes that file has; 0 if it is not there."""
    try:
        return os.stat(current(home, name, stream)).st_size
    except FileNotFoundError:
        return 0


def streams(home: Home, name: str) -> tuple[str, ...]:
    """Those that have a log of their own to be read; without `err` where that is merged into `out`.

    None where nothing is kept. As the last run has it: a setting counts from the next one on.
    """
    return tuple(one for one in STREAMS if is_kept(current(home, name, one)))


def is_kept(path: str) -> bool:
    """Whether a current file holds its stream, or will: it does not lead to another log.

    Nor to what is no file, such as /dev/null or a FIFO, from which a reader would take away.
    """
    where = lead(path)
    if where is None:
        return True
    try:
        return where != MERGED and stat.S_ISREG(os.stat(path).st_mode)
    except OSError:  # it is made with the next run, or with the next look of a patrol
        return True


def lead(path: str) -> str | None:
    """What a symbolic link leads to; None for what is none."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def line_from(path: str, offset: int) -> str:
    """The line that begins there, without its newline; empty if there is none."""
    if not is_kept(path):
        return ""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        return os.pread(fd, 4096, offset).partition(b"\n")[0].decode("utf-8", "replace")
    finally:
        os.close(fd)


def begin(path: str) -> int:
    """The position in its stream at which a log file begins; 0 if it has no index."""
    return indexed_begin(path) or 0


def indexed_begin(path: str) -> int | None:
    """The same, None if it has no index."""
    try:
        fd = regular(f"{path}.idx", os.O_RDONLY)
    except OSError:
        return None
    try:
        return int(os.read(fd, _POSITION_DIGITS))
    except (OSError, ValueError):
        return None
    finally:
        os.close(fd)


def away_file(path: str) -> str:
    """There while the child writes to another file than that of the name `path`."""
    return f"{path}.away"
