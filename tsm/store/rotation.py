"""Taking what a child has written out of its current log file, without losing or doubling a byte.

A cut moves the head of `current.out` to a file of its own. The child holds the current file and
goes on appending to it, so the head cannot go by a rename. It is copied and then dropped: by
taking its blocks out of the file (`extents.collapse`), or, while nobody can write, by moving
what follows to the front and shortening the file. What is about to be dropped stands in the
file `current.out.cut`, so that whoever finds that of a killed rotation can finish or undo it.
"""

from __future__ import annotations

import errno
import json
import os
import time

from tsm.errors import Broken
from tsm.model import Identity
from tsm.record import Record
from tsm.store import extents, logs
from tsm.store.atomic import regular, remove, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from tsm.store.home import Home

_BLOCK_BYTES = 1 << 20
_LITTLE_BYTES = 1 << 22  # so much is soon on the disk
_WRITING_S = 0.5  # who writes as fast as the disk is not to be waited for
_NO_COPY = (errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.EBADF)


class Cut(Record):
    """A head on its way out of the current file."""

    to: str  # the name of the rotated file
    inode: int  # of the current file
    begin: int = 0  # where the current file begins, counted from the first byte of the stream
    count: int = 0  # bytes of the head; 0: not known yet
    size: int = 0  # of the current file, when nobody could write
    place: int | None = None  # of its first block, where the head is collapsed
    stopped: tuple[Identity, ...] = ()  # who was stopped for it


class Current:
    """The current file of one stream, open for a cut. The caller holds the lock of rotations."""

    def __init__(self, home: Home, name: str, stream: str) -> None:
        self.home, self.name, self.stream = home, name, stream
        self.path = logs.current(home, name, stream)
        self._note = note_file(home, name, stream)
        self._folder = os.path.dirname(self.path)
        self.fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        self.inode = os.fstat(self.fd).st_ino
        self.device = os.fstat(self.fd).st_dev

    @property
    def size(self) -> int:
        """Bytes, now."""
        return os.fstat(self.fd).st_size

    def note(self, cut: Cut, *, durable: bool = False) -> None:
        """Write down what is about to be done."""
        replace(self._note, _encoded(cut), durable=durable)

    def noted(self) -> Cut | None:
        """What a rotation that was killed had noted; None if there is nothing. Raises Broken."""
        return noted(self._note)

    def done(self) -> None:
        """Nothing is on its way any more."""
        remove(self._note)
        remove(f"{self._note}.new")

    def copy(self, cut: Cut, begin: int, end: int) -> None:
        """Copy those bytes to the unfinished rotated file, at the same offsets."""
        fd = os.open(self._new(cut), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _copied(self.fd, fd, begin, end)
        finally:
            os.close(fd)

    def settle(self, cut: Cut, count: int) -> None:
        """Make the copy survive a power cut, and let it have no more than `count` bytes."""
        fd = os.open(self._new(cut), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, count)
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def shorten(self, cut: Cut) -> None:
        """Let the copy end where the head does."""
        os.truncate(self._new(cut), cut.count)

    def publish(self, cut: Cut) -> None:
        """Give the copy its name. Raises OSError if that is taken."""
        os.rename(self._new(cut), f"{self._folder}/{cut.to}")

    def collapse(self, cut: Cut) -> bool:
        """Drop the head while others append; False if this file system cannot.

        Who appends waits meanwhile: until all of the file is on the disk and none of it in
        memory. So most of that is done before, while nobody waits.
        """
        deadline_s = time.monotonic() + _WRITING_S
        while time.monotonic() < deadline_s:
            size = self.size
            os.fdatasync(self.fd)
            os.posix_fadvise(self.fd, 0, size, os.POSIX_FADV_DONTNEED)
            if self.size - size < _LITTLE_BYTES:
                break
        return extents.collapse(self.fd, cut.count)

    def drop(self, cut: Cut) -> None:
        """Drop the head while nobody can write: what follows it is no longer than itself."""
        rest = cut.size - cut.count
        _moved(self.fd, cut.count, rest)
        os.ftruncate(self.fd, rest)

    def dropped(self, cut: Cut) -> bool:
        """Whether the head that was noted is gone from the file."""
        if cut.place is not None:
            return extents.place(self.fd) != cut.place
        return self.size < cut.size

    def undo(self, cut: Cut) -> None:
        """Take a copy back whose head has not been dropped."""
        for path in (f"{self._folder}/{cut.to}", self._new(cut)):
            if cut.place is None and cut.size and os.path.isfile(path):
                self._restore(path, min(cut.count, cut.size - cut.count))
            remove(path)

    def _restore(self, path: str, count: int) -> None:
        """The first bytes may have been written over by what follows the head."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _copied(fd, self.fd, 0, count)
        finally:
            os.close(fd)

    def _new(self, cut: Cut) -> str:
        return f"{self._folder}/{cut.to}.new"

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        os.close(self.fd)


def note_file(home: Home, name: str, stream: str) -> str:
    """The file of notes."""
    return f"{logs.current(home, name, stream)}.cut"


def noted(path: str) -> Cut | None:
    """What a file of notes holds; None if there is none. Raises Broken."""
    try:
        with open(path, "rb", opener=regular) as file:
            return _decoded(path, file.read())
    except FileNotFoundError:
        return None


def unfinished(home: Home, name: str, stream: str) -> bool:
    """Whether a rotation has left a note."""
    note = note_file(home, name, stream)
    return os.path.exists(note) or os.path.exists(f"{note}.new")


def block_end(fd: int, size: int) -> int:
    """The last end of a line within `size` bytes that is also the end of a block; 0 if none.

    It is no further back than half of the size: else too little would go.
    """
    block = extents.block_bytes(fd)
    end = (size - 1) // block * block  # a file cannot be collapsed to nothing
    while end > 0 and 2 * end >= size:
        if os.pread(fd, 1, end - 1) == b"\n":
            return end
        end -= block
    return 0


def line_end(fd: int, size: int) -> int:
    """Where the last whole line within the first `size` bytes ends; 0 if there is none."""
    end = size
    while end > 0:
        begin = max(0, end - _BLOCK_BYTES)
        at = os.pread(fd, end - begin, begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0


def _copied(source: int, target: int, begin: int, end: int) -> None:
    """Copy bytes at the same offsets. Raises OSError, with no room left perhaps."""
    kernel = True
    while begin < end:
        count = 0
        if kernel:
            try:
                count = os.copy_file_range(source, target, min(end - begin, 1 << 30), begin, begin)
            except OSError as error:
                if error.errno not in _NO_COPY:
                    raise
            kernel = count > 0
        if not kernel:
            data = os.pread(source, min(_BLOCK_BYTES, end - begin), begin)
            if not data:
                message = "the file has become shorter while it was copied"
                raise OSError(errno.EIO, message)
            count = os.pwrite(target, data, begin)
        begin += count


def _moved(fd: int, begin: int, count: int) -> None:
    """Move bytes to the front of their file."""
    to = 0
    while to < count:
        data = os.pread(fd, min(_BLOCK_BYTES, count - to), begin + to)
        to += os.pwrite(fd, data, to)


def _encoded(cut: Cut) -> bytes:
    stopped = [[one.boot, one.pid, one.ticks] for one in cut.stopped]
    values = {field: getattr(cut, field) for field in Cut.fields} | {"stopped": stopped}
    return json.dumps(values, separators=(",", ":")).encode("ascii") + b"\n"


def _decoded(path: str, data: bytes) -> Cut:
    try:
        match json.loads(data):
            case {
                "to": str(to),
                "inode": int(inode),
                "begin": int(begin),
                "count": int(count),
                "size": int(size),
                "place": int() | None as place,
                "stopped": list(stopped),
            }:
                who = tuple(
                    Identity(str(boot), int(pid), int(ticks)) for boot, pid, ticks in stopped
                )
                return Cut(to, inode, begin, count, size, place, who)
    except (ValueError, TypeError):
        pass
    message = f"{path}: not a note of a rotation"
    raise Broken(message)
