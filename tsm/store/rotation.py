"""Taking what a child has written out of its current log file, without losing or doubling a byte.

A cut moves the head of `current.out` to a file of its own, or to several. The child holds the
current file and goes on appending to it, so the head cannot go by a rename. It is copied and
then dropped: by taking its blocks out of the file (`extents.collapse`), or, while nobody can
write, by moving what follows to the front and shortening the file. What is about to be dropped
is noted first (`cut.py`), so that whoever finds the note of a killed rotation can finish or
undo it.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress

from tsm.errors import Refused
from tsm.record import changed
from tsm.store import cut as notes
from tsm.store import extents, logs, rotated
from tsm.store.atomic import regular, remove, sync

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from tsm.store.cut import Cut
    from tsm.store.home import Home

_BLOCK_BYTES = 1 << 20
_LITTLE_BYTES = 1 << 22  # so much is soon on the disk
_WRITING_S = 0.5  # who writes as fast as the disk is not to be waited for
_SPARE_BYTES = 1 << 26  # what a copy leaves free at the most, for the child
_MARK_BYTES = 16
_APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_NO_COPY = (errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.EBADF)


class Current:
    """The current file of one stream, open for a cut. The caller holds the lock of rotations."""

    def __init__(self, home: Home, name: str, stream: str) -> None:
        self.home, self.name, self.stream = home, name, stream
        self.path = logs.current(home, name, stream)
        self._note = notes.note_file(home, name, stream)
        self._notes: int | None = None  # open while there are any of this rotation
        self._folder = os.path.dirname(self.path)
        self.fd = regular(self.path, os.O_RDWR)
        self.inode = os.fstat(self.fd).st_ino
        self.device = os.fstat(self.fd).st_dev

    @property
    def size(self) -> int:
        """Bytes, now."""
        return os.fstat(self.fd).st_size

    def note(self, cut: Cut, *, durable: bool = False) -> None:
        """Write down what is about to be done, or was."""
        line = notes.encoded(cut)
        if self._notes is None:
            self._notes = os.open(self._note, _APPENDING, 0o600)
            if os.lseek(self._notes, 0, os.SEEK_END):
                line = b"\n" + line  # what is there may be torn
        if os.write(self._notes, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._note)
        if durable:
            os.fsync(self._notes)
            sync(self._folder)

    def noted(self) -> Cut | None:
        """What a rotation that was killed had noted; None if there is nothing. Raises Broken."""
        return notes.noted(self._note)

    def done(self) -> None:
        """Nothing is on its way any more."""
        remove(self._note)
        self._let_go_of_notes()

    def require_room(self) -> None:
        """Raise Refused if a copy would take room on the disk that the child may need."""
        disk, size = os.statvfs(self._folder), self.size
        free = disk.f_bavail * disk.f_frsize
        if disk.f_blocks and free < size + min(size, _SPARE_BYTES):
            message = f"{self.path}: the disk has no room for a copy of it"
            raise Refused(message)

    def copy(self, cut: Cut, begin: int, end: int) -> None:
        """Copy those bytes to the unfinished rotated files."""
        for number, first, last in cut.parts(begin, end):
            target = os.open(self._new(cut, number), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                _copied(self.fd, first, target, first - cut.first(number), last - first)
            finally:
                os.close(target)

    def settle(self, cut: Cut, end: int) -> None:
        """Make copies of all up to `end` survive a power cut, and hold no more than that."""
        for number, _, last in cut.parts(0, end):
            fd = os.open(self._new(cut, number), os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.ftruncate(fd, last - cut.first(number))
                os.fdatasync(fd)
            finally:
                os.close(fd)

    def shorten(self, cut: Cut, number: int) -> None:
        """Let that copy hold no more than it is to."""
        os.truncate(self._new(cut, number), cut.ends[number] - cut.first(number))

    def publish(self, cut: Cut) -> None:
        """Give the copies their names. Raises OSError if one is taken."""
        for number, name in enumerate(cut.names):
            os.rename(self._new(cut, number), f"{self._folder}/{name}")

    def flushed(self) -> bool:
        """Bring the file to the disk, and out of memory, but for a little that comes meanwhile.

        A collapse does so itself, while who appends waits. False if too much comes.
        """
        deadline_s = time.monotonic() + _WRITING_S
        while True:
            size = self.size
            os.fdatasync(self.fd)
            os.posix_fadvise(self.fd, 0, size, os.POSIX_FADV_DONTNEED)
            little = self.size - size < _LITTLE_BYTES
            if little or time.monotonic() > deadline_s:
                return little

    def moved(self, cut: Cut) -> Cut:
        """Move what follows the head to the front, while nobody can write, and leave a mark behind.

        Where the mark is, the head has not been dropped yet, however much is written later.
        """
        rest = cut.size - cut.count
        _moved(self.fd, cut.count, rest)
        there = os.pread(self.fd, min(_MARK_BYTES, cut.count - rest), rest)
        mark = bytes(255 - byte for byte in there)
        os.pwrite(self.fd, mark, rest)
        return changed(cut, mark=mark.hex())

    def drop(self, cut: Cut) -> bool:
        """Drop the head, which what follows has been moved over; False if somebody has written."""
        if self.size != cut.size:
            return False
        os.ftruncate(self.fd, cut.size - cut.count)
        return True

    def settle_rest(self, cut: Cut) -> None:
        """Make what was moved to the front survive a power cut; there is no copy of it."""
        remove(self._new(cut, len(cut.ends)))
        if cut.size > cut.count:
            os.fdatasync(self.fd)

    def dropped(self, cut: Cut) -> bool:
        """Whether the head that was noted is gone from the file."""
        if cut.dropped:
            return True
        if cut.place is not None:
            return self.size < cut.count or extents.place(self.fd) != cut.place
        mark = bytes.fromhex(cut.mark)
        there = os.pread(self.fd, len(mark), cut.size - cut.count)
        return self.size < cut.size or there != mark

    def undo(self, cut: Cut) -> None:
        """Take back copies whose head has not been dropped."""
        if cut.mark:
            self.note(changed(cut, mark=""))  # it goes first
        if cut.place is None and cut.size:
            self._restore(cut, min(cut.count, cut.size - cut.count + _MARK_BYTES))
        for number, name in enumerate(cut.names):
            for path in (f"{self._folder}/{name}", self._new(cut, number)):
                with suppress(IsADirectoryError):
                    remove(path)

    def _restore(self, cut: Cut, end: int) -> None:
        """Write the first bytes again, which may have been written over.

        Where copies are missing, that was done by one who was killed when he took them back.
        """
        for number, first, last in cut.parts(0, end):
            for path in (f"{self._folder}/{cut.names[number]}", self._new(cut, number)):
                if os.path.isfile(path):
                    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                    try:
                        _copied(fd, first - cut.first(number), self.fd, first, last - first)
                    finally:
                        os.close(fd)

    def _new(self, cut: Cut, number: int) -> str:
        return f"{self._folder}/{rotated.later(cut.to, number)}.new"

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        os.close(self.fd)
        self._let_go_of_notes()

    def _let_go_of_notes(self) -> None:
        if self._notes is not None:
            os.close(self._notes)
            self._notes = None


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


def line_end(fd: int, begin: int, size: int) -> int:
    """Where the last line ends that does so between those two; `begin` if there is none."""
    end = size
    while end > begin:
        first = max(begin, end - _BLOCK_BYTES)
        at = os.pread(fd, end - first, first).rfind(b"\n")
        if at >= 0:
            return first + at + 1
        end = first
    return begin


def ends(fd: int, begin: int, size: int, most_bytes: int) -> tuple[int, ...]:
    """Where to cut what there is from `begin` on; nowhere, if that is less than would be left.

    After the last whole line; and a line that is longer than all lines before it, and than a
    file may be, after each `most_bytes` of it.
    """
    last = line_end(fd, begin, size)
    torn = size - last
    if torn > max(last - begin, most_bytes - 1):
        cuts = range(last + most_bytes, size + 1, most_bytes)
        return (last, *cuts) if last > begin else tuple(cuts)
    return (last,) if last > begin and torn < last else ()


def _copied(source: int, at: int, target: int, to: int, count: int) -> None:
    """Copy bytes from a place in one file to one in another. Raises OSError, for want of room."""
    kernel, done = True, 0
    while done < count:
        some, left = 0, count - done
        if kernel:
            some = _copied_by_kernel(source, at + done, target, to + done, left)
            kernel = some > 0
        if not kernel:
            data = os.pread(source, min(_BLOCK_BYTES, left), at + done)
            if not data:
                message = "the file has become shorter while it was copied"
                raise OSError(errno.EIO, message)
            some = os.pwrite(target, data, to + done)
        done += some


def _copied_by_kernel(source: int, at: int, target: int, to: int, count: int) -> int:
    """How many bytes the kernel has copied, perhaps without reading them; 0 if it cannot."""
    try:
        return os.copy_file_range(source, target, min(count, 1 << 30), at, to)
    except OSError as error:
        if error.errno not in _NO_COPY:
            raise
        return 0


def _moved(fd: int, begin: int, count: int) -> None:
    """Move bytes to the front of their file."""
    to = 0
    while to < count:
        data = os.pread(fd, min(_BLOCK_BYTES, count - to), begin + to)
        to += os.pwrite(fd, data, to)
