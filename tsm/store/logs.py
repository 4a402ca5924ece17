"""Reading the log files: the last lines of any size, and what is added from now on."""

from __future__ import annotations

import os
import stat

from tsm.errors import Broken, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from tsm.store.home import Home

STREAMS = ("out", "err")
_BLOCK_BYTES = 262144


def current(home: Home, name: str, stream: str) -> str:
    """The file that the child writes `stream` ("out" or "err") to."""
    return home.file(name, f"current.{stream}")


def size(home: Home, name: str, stream: str) -> int:
    """How many bytes that file has; 0 if it is not there."""
    try:
        return os.stat(current(home, name, stream)).st_size
    except FileNotFoundError:
        return 0


def check(home: Home, name: str) -> None:
    """Raise Refused if a child could not write one of its log files."""
    for stream in STREAMS:
        path = current(home, name, stream)
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(mode) or stat.S_ISSOCK(mode):
            message = f"{path}: not a file that a log can be written to: move it away"
            raise Refused(message)


def last_lines(path: str, count: int) -> list[bytes]:
    """The last `count` lines without their newlines, oldest first; none if there is no file.

    Reads from the end only as far as needed, whatever the size of the file.
    """
    follower = Follower(path)
    try:
        return follower.backlog(count, None, torn=True)
    finally:
        follower.close()


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


class Follower:
    """Reads one log file: its last lines, then what is added.

    It stays with the file through truncation, and goes over to the file that takes the
    name after rotation or deletion, once it has read the old one to its end.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd: int | None = None
        self._offset = 0
        self._rest: list[bytes] = []  # the pieces of a line that has no newline yet
        self._open()

    def backlog(self, count: int, pattern: re.Pattern[bytes] | None, *, torn: bool) -> list[bytes]:
        """The last `count` lines that match, oldest first; `lines` goes on after them.

        With `torn` a last line without a newline is among them, else it is left for `lines`.
        """
        if self._fd is None:
            return []
        end = os.fstat(self._fd).st_size
        found: list[bytes] = []
        backwards = _lines_backwards(self._fd, end)
        last = next(backwards, b"")  # what follows the last newline
        self._offset = end - len(last)
        if torn and last and (pattern is None or pattern.search(last)):
            found.append(last)
        for line in backwards:
            if len(found) >= count:
                break
            if pattern is None or pattern.search(line):
                found.append(line)
        return found[::-1][-count:] if count else []

    def lines(self) -> Iterator[bytes]:
        """The whole lines that have come since the last call, without their newlines."""
        yield from self._read()
        while self._replaced():
            yield from self._read()  # what came between the last read and the replacement
            if any(self._rest):
                yield b"".join(self._rest)
            self.close()
            self._open()
            yield from self._read()

    def skip(self) -> None:
        """Go to the end of the file: only what comes from now on is told."""
        if self._fd is not None:
            self._offset = os.fstat(self._fd).st_size

    def blocks(self) -> Iterator[bytes]:
        """The bytes that have come since the last call; not to be mixed with `lines`."""
        yield from self._added()
        while self._replaced():
            yield from self._added()  # what came between the last read and the replacement
            self.close()
            self._open()
            yield from self._added()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self._offset, self._rest = None, 0, []

    def _open(self) -> None:
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            self._fd = None
            return
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            self.close()
            message = f"{self.path}: not a regular file"
            raise Broken(message)

    def _added(self) -> Iterator[bytes]:
        if self._fd is None:
            return
        if os.fstat(self._fd).st_size < self._offset:  # it was emptied
            self._offset, self._rest = 0, []
        while block := os.pread(self._fd, _BLOCK_BYTES, self._offset):
            self._offset += len(block)
            yield block

    def _read(self) -> Iterator[bytes]:
        for block in self._added():
            first, *whole = block.split(b"\n")
            self._rest.append(first)
            if whole:
                yield b"".join(self._rest)
                self._rest = [whole.pop()]
                yield from whole

    def _replaced(self) -> bool:
        """Whether another file has taken the name."""
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return False
        if self._fd is None:
            return True
        here = os.fstat(self._fd)
        return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)


def _lines_backwards(fd: int, end: int) -> Iterator[bytes]:
    """The lines of the first `end` bytes, last first; the very first may be empty."""
    pieces: list[bytes] = []  # of a line that goes on to the left, last first
    while end > 0:
        length = min(_BLOCK_BYTES, end)
        end -= length
        first, *whole = os.pread(fd, length, end).split(b"\n")
        if whole:
            pieces.append(whole.pop())
            yield b"".join(reversed(pieces))
            yield from reversed(whole)
            pieces = []
        pieces.append(first)
    yield b"".join(reversed(pieces))
