"""Reading one log as one stream of bytes, forwards and backwards, while others rotate it.

A position counts from the first byte that the stream ever had: it stays what it is while the
bytes before it move from `current.out` to rotated files, and those are compressed.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress

from tsm.errors import Broken
from tsm.store import lock, logs
from tsm.store.atomic import read_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsm.errors import TsmError

    Chunk = tuple[int, bytes]  # the position of the first byte, and some whole lines

_BLOCK_BYTES = 262144
_DROP_LOOKS = 200
_DROP_PAUSE_S = 0.005


def last_lines(path: str, count: int) -> list[bytes]:
    """The last `count` lines of a log without their newlines, oldest first; none of no file.

    Reads from the end only as far as needed, whatever the size of the file.
    """
    if not logs.is_kept(path):
        return []
    follower = Follower(path)
    found: list[bytes] = []
    try:
        for _, chunk in follower.back(follower.end()):
            if len(found) >= count:
                break
            found[:0] = chunk.removesuffix(b"\n").split(b"\n")
    finally:
        follower.close()
    return found[-count:] if count else []


class Follower:
    """Reads one log: what it has, and what is added.

    It stays with the file while its head is rotated, and through truncation, and goes over to
    the file that takes the name after deletion, once it has read the old one to its end.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd: int | None = None
        self.position = 0  # in the stream, of what `chunks` reads next
        self._begins = 0  # the position at which the file begins
        self._seen = (-1, 0)  # size and time of the file when all of it was read
        self._rest: list[bytes] = []  # the pieces of a line that has no newline yet
        self.problems: list[TsmError] = []  # of rotated files that cannot be read
        self._left = b""  # the note of a rotation that somebody was killed in
        self._open()

    def end(self) -> int:
        """The position at which the stream ends now."""
        while self._fd is not None:
            begins, size = self._settled_begin(), os.fstat(self._fd).st_size
            if self._begin() == begins:
                return begins + size
        return self._begins

    def line_begin(self, position: int) -> int:
        """Where the line begins that has a byte, or could get its next one, at `position`."""
        found = position
        for found, block in self._blocks_before(position, 0):
            newline = block.rfind(b"\n")
            if newline >= 0:
                return found + newline + 1
        return found

    def seek(self, position: int) -> None:
        """Let `chunks` and `blocks` go on from there, in rotated files if it is there."""
        self.position, self._seen, self._rest = position, (-1, 0), []

    def go_to(self, position: int) -> None:
        """The same, in the file that has the name now."""
        self.close()
        self._open()
        self.position = position

    def chunks(self) -> Iterator[Chunk]:
        """The whole lines that have come since the last call."""
        yield from self._read()
        while self._replaced():
            yield from self._read()  # what came between the last read and the replacement
            if not self._displaced() and any(self._rest):
                yield self.position, b"".join(self._rest) + b"\n"
            self._reopen()
            yield from self._read()

    def back(self, end: int, first: int = 0) -> Iterator[Chunk]:
        """The lines between two positions, each the begin of a line, the last ones first.

        Only the very last may be without its newline.
        """
        pieces: list[bytes] = []  # of a line that goes on to the left, last first
        left = end  # where the leftmost piece begins
        for begin, block in self._blocks_before(end, first):
            if begin + len(block) != left and any(pieces):  # what was there before is gone
                yield left, b"".join(reversed(pieces))
                pieces = []
            newline = block.find(b"\n") + 1
            left = begin
            if newline:
                pieces.append(block[newline:])
                if any(pieces):
                    yield begin + newline, b"".join(reversed(pieces))
                pieces = []
            pieces.append(block[:newline] if newline else block)
        if any(pieces):
            yield left, b"".join(reversed(pieces))

    def forth(self, first: int, end: int) -> Iterator[Chunk]:
        """The same, the first ones first; `chunks` goes on at `end`."""
        whole = max(first, self.line_begin(end))
        self.seek(first)
        done = first
        while done < whole:
            for begin, chunk in self._read():
                done = min(whole, begin + len(chunk))
                if begin < whole:
                    yield begin, chunk[: whole - begin]
                if done == whole:
                    break
            else:
                if self._begin() is not None:
                    break  # it was emptied
                self._settled_begin()
        if whole < end:
            yield from self.back(end, whole)
        self.seek(end)

    def blocks(self) -> Iterator[bytes]:
        """The bytes that have come since the last call; not to be mixed with `chunks`."""
        yield from self._added()
        while self._replaced():
            yield from self._added()  # what came between the last read and the replacement
            self._reopen()
            yield from self._added()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self.position, self._seen, self._rest = None, 0, (-1, 0), []

    def _displaced(self) -> bool:
        """Whether the file is a copy of what a child writes elsewhere."""
        return os.path.exists(logs.away_file(self.path))

    def _reopen(self) -> None:
        """Go over to the file that has the name now; in a copy, what was read is passed over."""
        displaced, position, rest = self._displaced(), self.position, self._rest
        self.close()
        self._open()
        self.position = position if displaced else min(position, self._begins)
        self._rest = rest if displaced else []

    def _open(self) -> None:
        self._begins = logs.begin(self.path)
        if not logs.is_kept(self.path):
            return
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            self.close()
            message = f"{self.path}: not a regular file"
            raise Broken(message)

    def _added(self) -> Iterator[bytes]:
        """What has come; nothing in the moment in which a head is dropped."""
        if self._fd is None and self.position < self._begins:
            yield from self._rotated_since(self._begins)
        while self._fd is not None:
            if self._fingerprint() == self._seen:
                return
            begins = self._begin()
            if begins is None or (self._displaced() and self._replaced()):
                return
            if self.position < begins:
                yield from self._rotated_since(begins)
            seen = size, _ = self._fingerprint()
            block = os.pread(self._fd, _BLOCK_BYTES, self.position - begins)
            if self._begin() != begins:
                continue  # size and block may be those of a moment in between
            if size < self.position - begins:
                if self._displaced():
                    return  # its copy has not come so far
                self.position, self._rest = begins, []  # it was emptied
                continue
            if not block:
                self._seen = seen
                return
            self.position += len(block)
            yield block

    def _fingerprint(self) -> tuple[int, int]:
        """What changes when something is written."""
        now = os.fstat(self._fd) if self._fd is not None else None
        return (now.st_size, now.st_mtime_ns) if now is not None else (-1, 0)

    def _begin(self) -> int | None:
        """Where the open file begins; None while that is about to change."""
        try:
            notes = read_whole(f"{self.path}.cut")
            if notes != self._left and notes.count(b'"ends":[') > notes.count(b'"ends":[]'):
                return None
        except OSError:
            pass
        return self._indexed_begin()

    def _indexed_begin(self) -> int:
        """As its index has it, which is another file's once that has the name."""
        begins = logs.begin(self.path)
        if self._fd is None or self._named():  # last: so that was told of this file
            self._begins = begins
        return self._begins

    def _settled_begin(self) -> int:
        """The same, once it is not about to change."""
        looks = 0
        while (found := self._begin()) is None:
            time.sleep(_DROP_PAUSE_S)
            looks += 1
            if looks % _DROP_LOOKS == 0 and not lock.is_held(os.path.dirname(self.path)):
                with suppress(OSError):
                    self._left = read_whole(f"{self.path}.cut")  # whoever wrote that was killed
        return found

    def _rotated_since(self, begins: int) -> Iterator[bytes]:
        """What was rotated out of the file before it was read."""
        from tsm.store import rotated

        for at, data in rotated.between(self.path, self.position, begins, self.problems):
            self.position = at + len(data)
            yield data
        self.position = begins

    def _read(self) -> Iterator[Chunk]:
        for block in self._added():
            whole = block.rfind(b"\n") + 1
            if not whole:
                self._rest.append(block)
                continue
            chunk = b"".join((*self._rest, block[:whole]))
            self._rest = [block[whole:]]
            yield self.position - len(block) + whole - len(chunk), chunk

    def _blocks_before(self, end: int, first: int) -> Iterator[Chunk]:
        """Bytes between two positions, the last ones first: not whole lines."""
        while end > first:
            begins = self._settled_begin()
            if end <= begins or self._fd is None:
                from tsm.store import rotated  # what is needed of it is rarely so old

                yield from rotated.before(self.path, end, first, self.problems)
                return
            length = min(_BLOCK_BYTES, end - max(begins, first))
            block = os.pread(self._fd, length, end - length - begins)
            if self._begin() != begins:
                continue  # the block may be from another place
            end -= length
            yield end, block

    def _replaced(self) -> bool:
        """Whether another file has taken the name."""
        there = _inode(self.path)
        return there is not None and not self._named() and logs.is_kept(self.path)

    def _named(self) -> bool:
        """Whether the open file still has the name."""
        return self._fd is not None and _inode(self._fd) == _inode(self.path)


def _inode(file: str | int) -> tuple[int, int] | None:
    """Which file that is; None if there is none of that name."""
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
