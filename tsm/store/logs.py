"""The log files of a process: where they are, and what stands at one place of them."""

from __future__ import annotations

import os
import stat

from tsm.errors import Refused

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


def made(home: Home, name: str) -> tuple[int, int]:
    """Make the files that there are not yet, for a child to write to; the inodes of both."""
    out, err = (_made(current(home, name, stream)) for stream in STREAMS)
    return out, err


def _made(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o600)
    except OSError:  # the launcher will say so, or be glad of a FIFO that is read by somebody
        return 0
    try:
        return os.fstat(fd).st_ino
    finally:
        os.close(fd)


def check(path: str) -> None:
    """Raise Refused if a child could not write its log to that file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode) or stat.S_ISSOCK(mode):
        message = f"{path}: not a file that a log can be written to: move it away"
        raise Refused(message)


def line_from(path: str, offset: int) -> str:
    """The line that begins there, without its newline; empty if there is none."""
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
        with open(f"{path}.idx", "rb") as file:
            return int(file.read(_POSITION_DIGITS))
    except (OSError, ValueError):
        return None


def away_file(path: str) -> str:
    """There while the child writes to another file than that of the name `path`."""
    return f"{path}.away"
