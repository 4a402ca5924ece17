"""Replacing a file whole and appending whole lines, so that no reader sees a half."""

from __future__ import annotations

import errno
import os
import stat
import time

_BLOCK_BYTES = 16384
_LOOKS = 5  # at a line without an end
_LOOK_S = 0.001
_ANEW = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def replace(path: str, data: bytes, *, durable: bool = False) -> None:
    """Put `data` at `path`. A reader sees the old bytes or the new, never a mix.

    The caller holds the lock that `path` belongs to: the temporary's name is fixed, so two
    writers would meet in it. With `durable` the bytes survive a power cut.
    """
    fd = unfinished(path)
    try:
        finish(fd, path, data, durable=durable)
    finally:
        os.close(fd)


def unfinished(path: str) -> int:
    """Open the empty file that is to be put at `path`, for appending."""
    flags = _ANEW | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(f"{path}.new", flags, 0o600)


def finish(fd: int, path: str, data: bytes, *, durable: bool = False) -> None:
    """Write `data` to the unfinished file, and put it at `path`; it goes where that fails."""
    try:
        _write_all(fd, data, path)
        if durable:
            os.fsync(fd)
        os.rename(f"{path}.new", path)
    except OSError as error:
        abandon(path)
        error.filename = path  # a rename names the unfinished file
        raise
    if durable:
        sync(os.path.dirname(path))


def abandon(path: str) -> None:
    """Remove the unfinished file of `path`."""
    remove(f"{path}.new")


def append(path: str, line: bytes) -> None:
    """Add `line`, which ends in a newline, with one write; for none, only end what is torn."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        if _is_torn(fd):
            line = b"\n" + line  # a crash tore the last line: end it, so that it costs itself alone
        _write_all(fd, line, path)
    finally:
        os.close(fd)


def _is_torn(fd: int) -> bool:
    """Whether the last line has no end, and nobody is at it.

    What another is writing just now may be seen in parts.
    """
    for look in range(_LOOKS):
        if look:
            time.sleep(_LOOK_S)
        size = os.lseek(fd, 0, os.SEEK_END)
        if not size or os.pread(fd, 1, size - 1) == b"\n":
            return False
    return True


def listed(folder: str) -> list[str]:
    """The names in a folder, in no order; none where there is no such folder."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def read_whole(path: str) -> bytes:
    """All bytes of a regular file. Raises OSError. A fraction of what `open` costs."""
    return dated(path)[0]


def dated(path: str) -> tuple[bytes, float]:
    """The same, and when it was last written to, which was not later than it was read."""
    fd = regular(path, os.O_RDONLY)
    try:
        data = part = os.read(fd, _BLOCK_BYTES)
        while len(part) == _BLOCK_BYTES:
            part = os.read(fd, _BLOCK_BYTES)
            data += part
        return data, os.fstat(fd).st_mtime
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(fd)


def regular(path: str, flags: int) -> int:
    """Open a file; what is no regular one, such as a FIFO, keeps nobody waiting. Raises OSError."""
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(mode := os.fstat(fd).st_mode) or stat.S_ISDIR(mode):  # that `open` tells
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "not a regular file", path)


def is_named(fd: int, path: str) -> bool:
    """Whether it is the open file that has that name now."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def put_aside(path: str) -> None:
    """Rename what has a name that a file of tsm's needs to one that is free: NAME.unreadable."""
    free, number = f"{path}.unreadable", 1
    while os.path.lexists(free):
        number += 1
        free = f"{path}.unreadable{number}"
    os.rename(path, free)


def set_aside(path: str, most_bytes: int) -> bool:
    """Rename a log that has outgrown `most_bytes` to `path`.1, over the one before; False if not.

    Whoever has it open goes on writing to it.
    """
    try:
        if os.stat(path).st_size <= most_bytes:
            return False
        os.rename(path, f"{path}.1")
    except FileNotFoundError:
        return False
    return True


def sync(path: str) -> None:
    """Make a file, or the names in a directory, survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove(path: str) -> bool:
    """Remove a file; False if there was none."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _write_all(fd: int, data: bytes, path: str) -> None:
    try:
        while data:
            data = data[os.write(fd, data) :]
    except OSError as error:
        error.filename = path  # write(2) knows only a number
        raise
