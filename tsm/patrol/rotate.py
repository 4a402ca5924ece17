"""Rotating the log of one stream: a copy, and then a drop that no writer can get in between of."""

from __future__ import annotations

import time

from tsm.errors import Busy, TsmError
from tsm.osproc import watchman
from tsm.osproc.writers import Stillness, go_on
from tsm.patrol import guard
from tsm.record import Record, changed
from tsm.store import extents, log_index
from tsm.store.rotation import Current, Cut, block_end, line_end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

_LOCK_S = 2.0
_CLOSE_BYTES = 1 << 16  # so little is copied while writers are stopped
_ROUNDS = 8  # of copying what has come in the meantime


class Rotation(Record):
    """What a rotation came to."""

    to: str = ""  # the name of the rotated file; empty if there was nothing to rotate
    size: int = 0  # its bytes
    cut_line: bool = False  # it ends within a line that is longer than a file may be
    still_s: float = 0.0  # how long writers were stopped
    why_not: str = ""


def mend(current: Current) -> None:
    """Finish or undo what a rotation that was killed has begun. The caller holds its lock."""
    cut = current.noted()
    if cut is not None:
        ours = cut.inode == current.inode
        dropped = ours and current.dropped(cut)
        if ours and not dropped:
            current.undo(cut)
        go_on(cut.stopped)
        if dropped:
            _finish(current, cut)
    current.done()


def rotate(home: Home, name: str, stream: str, most_bytes: int, to: str) -> Rotation:
    """Take what is there out of the current file into the file `to`, up to the end of a line.

    A line of more than `most_bytes` is cut. The caller holds the lock of rotations. Raises
    Refused and OSError, and all is as before.
    """
    with Current(home, name, stream) as current:
        mend(current)
        if current.size == 0:
            return Rotation(why_not="it is empty")
        cut = Cut(to, current.inode, log_index.begin(home, name, stream))
        try:
            current.note(cut)
            done = _collapsed(current, cut)
            if done is None:
                with guard.held(home, name, _LOCK_S):
                    done = _in_stillness(current, cut, most_bytes)
        except Busy:
            current.undo(cut)
            done = Rotation(why_not="a command is at work on the process")
        except (TsmError, OSError):
            mend(current)
            raise
        current.done()
        return done


def _collapsed(current: Current, cut: Cut) -> Rotation | None:
    """The head dropped while the child writes; None if that cannot be done here."""
    count = block_end(current.fd, current.size)
    place = extents.place(current.fd) if count else None
    if place is None:
        return None
    current.copy(cut, 0, count)
    current.settle(cut, count)
    cut = changed(cut, count=count, place=place)
    current.note(cut, durable=True)
    current.publish(cut)
    if not current.collapse(cut):
        current.undo(cut)
        return None
    _finish(current, cut)
    return Rotation(cut.to, count)


def _in_stillness(current: Current, cut: Cut, most_bytes: int) -> Rotation:
    """The head dropped while all writers stand still. The caller holds the process's lock."""
    copied = _nearly_copied(current, cut)
    stillness = Stillness(
        current.device,
        current.inode,
        lambda stopped: current.note(changed(cut, stopped=tuple(stopped))),
    )
    with watchman.beside(current.home.root, ["rotate", "--mend", "--", current.name]):
        try:
            done = _dropped(current, cut, stillness, copied, most_bytes)
            if done.why_not:
                current.undo(cut)
        finally:
            stillness.end()
    if done.to:
        _finish(current, changed(cut, count=done.size))
    return changed(done, still_s=stillness.took_s)


def _nearly_copied(current: Current, cut: Cut) -> int:
    """How many bytes were copied before anybody is stopped, so that little is left to be."""
    copied, size = 0, current.size
    for _ in range(_ROUNDS):
        current.copy(cut, copied, size)
        copied, size = size, current.size
        if size - copied < _CLOSE_BYTES:
            break
    current.settle(cut, copied)
    return copied


def _dropped(
    current: Current, cut: Cut, stillness: Stillness, copied: int, most_bytes: int
) -> Rotation:
    """Copy the rest, and drop the head; why that was not done otherwise."""
    if not stillness.take():
        return Rotation(why_not="a writer does not stop")
    size = current.size
    current.copy(cut, copied, size)
    count = line_end(current.fd, size)
    cut_line = size - count > max(count, most_bytes - 1)
    if cut_line:
        count = size
    if size - count > count:
        return Rotation(why_not="its line is not at its end yet")
    cut = changed(cut, count=count, size=size, stopped=tuple(stillness.stopped))
    current.shorten(cut)
    current.note(cut)
    current.publish(cut)
    if not stillness.holds() or current.size != size:
        return Rotation(why_not="a writer was woken by somebody else")
    current.drop(cut)
    return Rotation(cut.to, count, cut_line)


def _finish(current: Current, cut: Cut) -> None:
    """The head is gone from the current file: what else follows from that."""
    where = log_index.path(current.home, current.name, current.stream)
    rotated = current.home.file(current.name, cut.to)
    log_index.cut(where, cut.begin + cut.count, rotated, time.time())
