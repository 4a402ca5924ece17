"""Reading the log files: the last lines of any size, and what is added from now on."""

from __future__ import annotations

import os
import stat
import time

from tsm.errors import Broken, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tsm.store.home import Home

    Wanted = Callable[[bytes], bool]

STREAMS = ("out", "err")
_BLOCK_BYTES = 262144
_POSITION_DIGITS = 16  # of the first line of an index
_DROP_LOOKS = 200
_DROP_PAUSE_S = 0.005


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


def begin(path: str) -> int:
    """The position in its stream at which a log file begins, by its index; 0 if that has none."""
    try:
        with open(f"{path}.idx", "rb") as file:
            return int(file.read(_POSITION_DIGITS))
    except (OSError, ValueError):
        return 0


def away_file(path: str) -> str:
    """There while the child writes to another file than that of the name `path`."""
    return f"{path}.away"


class Follower:
    """Reads one log file: its last lines, then what is added.

    It stays with the file while its head is rotated, and through truncation, and goes over to
    the file that takes the name after deletion, once it has read the old one to its end.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd: int | None = None
        self._position = 0  # in the stream, of what is read next
        self._seen = (-1, 0)  # size and time of the file when all of it was read
        self._rest: list[bytes] = []  # the pieces of a line that has no newline yet
        self._open()

    def backlog(self, count: int, wanted: Wanted | None, *, torn: bool) -> list[bytes]:
        """The last `count` lines that are wanted, oldest first; `lines` goes on after them.

        With `torn` a last line without a newline is among them, else it is left for `lines`.
        """
        if self._fd is None:
            return []
        found: list[bytes] = []
        begins, end = self._settled_begin(), os.fstat(self._fd).st_size
        backwards = _lines_backwards(self._fd, end)
        last = next(backwards, b"")  # what follows the last newline
        self._position = begins + end - len(last)
        if torn and last and (wanted is None or wanted(last)):
            found.append(last)
        for line in backwards:
            if len(found) >= count:
                break
            if wanted is None or wanted(line):
                found.append(line)
        return found[::-1][-count:] if count else []

    def lines(self) -> Iterator[bytes]:
        """The whole lines that have come since the last call, without their newlines."""
        yield from self._read()
        while self._replaced():
            yield from self._read()  # what came between the last read and the replacement
            if not self._displaced() and any(self._rest):
                yield b"".join(self._rest)
            self._reopen()
            yield from self._read()

    def skip(self) -> None:
        """Go to the end of the file: only what comes from now on is told."""
        if self._fd is not None:
            self._position = self._settled_begin() + os.fstat(self._fd).st_size

    def blocks(self) -> Iterator[bytes]:
        """The bytes that have come since the last call; not to be mixed with `lines`."""
        yield from self._added()
        while self._replaced():
            yield from self._added()  # what came between the last read and the replacement
            self._reopen()
            yield from self._added()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self._position, self._seen, self._rest = None, 0, (-1, 0), []

    def _displaced(self) -> bool:
        """Whether the file is a copy of what a child writes elsewhere."""
        return os.path.exists(away_file(self.path))

    def _reopen(self) -> None:
        """Go over to the file that has the name now; in a copy, what was read is passed over."""
        position, rest = (self._position, self._rest) if self._displaced() else (0, [])
        self.close()
        self._open()
        self._position, self._rest = position, rest

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
        """What has come; nothing in the moment in which a head is dropped."""
        while self._fd is not None:
            now = os.fstat(self._fd)
            if (now.st_size, now.st_mtime_ns) == self._seen:
                return
            begins = self._begin()
            if begins is None or (self._displaced() and self._replaced()):
                return
            if self._position < begins:
                yield from self._rotated_since(begins)
            if now.st_size < self._position - begins:
                if self._displaced():
                    return  # its copy has not come so far
                self._position, self._rest = begins, []  # it was emptied
            block = os.pread(self._fd, _BLOCK_BYTES, self._position - begins)
            if self._begin() != begins:
                continue  # the block may be from another place
            if not block:
                self._seen = (now.st_size, now.st_mtime_ns)
                return
            self._position += len(block)
            yield block

    def _begin(self) -> int | None:
        """Where the file begins; None while that is about to change."""
        try:
            with open(f"{self.path}.cut", "rb") as file:
                if b'"count":0,' not in file.read():
                    return None
        except OSError:
            pass
        return begin(self.path)

    def _settled_begin(self) -> int:
        """The same, once it is not about to change."""
        for _ in range(_DROP_LOOKS):
            found = self._begin()
            if found is not None:
                return found
            time.sleep(_DROP_PAUSE_S)
        return begin(self.path)  # whoever was to drop it was killed

    def _rotated_since(self, begins: int) -> Iterator[bytes]:
        """What was rotated out of the file before it was read."""
        from tsm.store import rotated

        for data in rotated.between(self.path, self._position, begins):
            self._position += len(data)
            yield data
        self._position = begins

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
