"""Rotating the log of one stream: a copy, and then a drop that no writer can get in between of."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from tsm.errors import Busy, TsmError
from tsm.osproc import watchman
from tsm.osproc.writers import Stillness, go_on
from tsm.patrol import guard
from tsm.patrol.process import child_pid
from tsm.record import Record, changed
from tsm.store import cut as notes
from tsm.store import extents, journal, log_index, rotated
from tsm.store.atomic import remove
from tsm.store.cut import Cut
from tsm.store.rotation import Current, block_end, ends

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.model import Identity
    from tsm.store.home import Home

_LOCK_S = 2.0
_CLOSE_BYTES = 1 << 16  # so little is copied while writers are stopped
_ROUNDED_S = 0.001  # as times of events are
_ROUNDS = 8  # of copying what has come in the meantime


class Piece(Record):
    """A rotated file that has been made."""

    file: str
    size: int
    cut_line: bool  # it ends within a line that is longer than a file may be
    why: str


class Rotation(Record):
    """What a rotation came to."""

    pieces: tuple[Piece, ...] = ()  # oldest first; none if there was nothing to rotate
    still_s: float = 0.0  # how long writers were stopped
    why_not: str = ""


def mend(home: Home, name: str, stream: str) -> tuple[Piece, ...]:
    """Finish or undo what a rotation that was killed has begun; what it has come to.

    The caller holds the lock of rotations. Raises Broken, OSError.
    """
    note = notes.note_file(home, name, stream)
    if not os.path.lexists(note):
        return ()
    try:
        with Current(home, name, stream) as current:
            return _mended(current)
    except FileNotFoundError:  # somebody has taken it away since
        cut = notes.noted(note)
        go_on(cut.stopped if cut is not None else ())
        remove(note)
        return ()


def _mended(current: Current) -> tuple[Piece, ...]:
    cut = current.noted()
    pieces: tuple[Piece, ...] = ()
    if cut is not None:
        ours = cut.inode == current.inode
        dropped = cut.dropped or (ours and current.dropped(cut))
        if ours and not dropped:
            current.undo(cut)
        go_on(cut.stopped)
        if dropped:
            pieces = _finished(current, cut, again=True)
    current.done()
    rotated.tidied(current.home, current.name)
    return pieces


def rotate(current: Current, to: str, why: str, most_bytes: int) -> Rotation:
    """Take what is there out of the current file into the file `to`, up to the end of a line.

    A line that is longer than `most_bytes` is cut there. The caller holds the lock of
    rotations, and has mended. Raises Refused and OSError, and all is as before.
    """
    if current.size == 0:
        return Rotation(why_not="it is empty")
    begin = log_index.begin(current.home, current.name, current.stream)
    cut = Cut(to, current.inode, begin, why)
    current.require_room()
    try:
        current.note(cut)
        return _rotated(current, cut, most_bytes)
    except Busy:
        _mended(current)
        return Rotation(why_not="a command is at work on the process")
    except (TsmError, OSError) as error:
        if isinstance(error, OSError):
            error.filename = error.filename or current.path  # some calls know only a number
        _mended(current)
        raise


def _rotated(current: Current, cut: Cut, most_bytes: int) -> Rotation:
    stillness = Stillness(current.fd, child_pid(current.home, current.name))
    stillness.look()
    if len(ends(current.fd, 0, current.size, most_bytes)) < 2:
        done = _collapsed(current, cut)
        if done is not None:
            return done
    with guard.held(current.home, current.name, _LOCK_S):
        return _in_stillness(current, cut, stillness, most_bytes)


def _collapsed(current: Current, cut: Cut) -> Rotation | None:
    """The head dropped while the child writes; None if that cannot be done here.

    Nor for one who writes faster than the disk: he would wait until it has all of that.
    """
    count = block_end(current.fd, current.size)
    place = extents.place(current.fd) if count else None
    if place is None:
        return None
    cut = changed(cut, ends=(count,), place=place)
    current.copy(cut, 0, count)
    current.settle(cut, count)
    current.note(cut, durable=True)
    if current.flushed():
        current.publish(cut)
        if extents.collapse(current.fd, cut.count):
            return Rotation(_finished(current, cut))
    _mended(current)
    return None


def _in_stillness(current: Current, cut: Cut, stillness: Stillness, most_bytes: int) -> Rotation:
    """The head dropped while all writers stand still. The caller holds the process's lock."""
    planned = ends(current.fd, 0, current.size, most_bytes)
    begun = changed(cut, ends=planned if len(planned) > 1 else ())
    copied = _nearly_copied(current, begun)
    with (
        watchman.beside(current.home.root, ["rotate", "--mend", "--", current.name]) as tell,
        stillness,
    ):

        def stopping(stopped: Sequence[Identity]) -> None:
            current.note(changed(cut, stopped=tuple(stopped)))
            tell([one.pid for one in stopped])

        why_not = "a writer does not stop"
        if stillness.take(stopping):
            cut = _copied(current, begun, copied, most_bytes)
            cut = changed(cut, stopped=tuple(stillness.stopped))
            why_not = _dropped(current, cut, stillness)
    if why_not:
        _mended(current)
        return Rotation((), stillness.took_s, why_not)
    current.settle_rest(cut)
    return Rotation(_finished(current, cut), stillness.took_s)


def _nearly_copied(current: Current, cut: Cut) -> int:
    """How many bytes were copied before anybody is stopped, so that little is left to be."""
    copied = _caught_up(current, cut, 0)
    current.settle(cut, copied)
    return _caught_up(current, cut, copied)  # with what came while the disk was at work


def _caught_up(current: Current, cut: Cut, copied: int) -> int:
    for _ in range(_ROUNDS):
        size = current.size
        if size - copied < _CLOSE_BYTES and copied:
            break
        current.copy(cut, copied, size)
        copied = size
    return copied


def _copied(current: Current, begun: Cut, copied: int, most_bytes: int) -> Cut:
    """The cut, with all of it copied, while nobody writes."""
    size = current.size
    more = ends(current.fd, begun.count, size, most_bytes)
    cut = changed(begun, ends=(*begun.ends, *more), size=size)
    if more:
        current.copy(cut, min(copied, more[0]), cut.count)
        current.shorten(cut, len(begun.ends))
    return cut


def _dropped(current: Current, cut: Cut, stillness: Stillness) -> str:
    """Drop the head; why that was not done otherwise."""
    if not cut.ends:
        return "its line is not at its end yet"
    current.note(cut)
    current.publish(cut)
    cut = current.moved(cut)
    current.note(cut)
    if not stillness.holds() or not current.drop(cut):
        return "a writer was woken by somebody else"
    current.note(changed(cut, dropped=True))
    return ""


def _finished(current: Current, cut: Cut, *, again: bool = False) -> tuple[Piece, ...]:
    """The head is gone from the current file: what else follows from that."""
    where = log_index.path(current.home, current.name, current.stream)
    pieces = []
    for number, (name, end) in enumerate(zip(cut.names, cut.ends, strict=True)):
        path = current.home.file(current.name, name)
        log_index.cut(where, cut.begin + end, path, time.time())
        pieces.append(Piece(name, end - cut.first(number), _torn(path), cut.why))
    with suppress(OSError):
        for piece in pieces:
            if not (again and _is_told(current, piece)):
                _tell(current, piece)
    current.done()
    return tuple(pieces)


def _torn(path: str) -> bool:
    """Whether a file ends within a line."""
    try:
        with open(path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"
    except OSError:  # somebody has removed it
        return False


def _tell(current: Current, piece: Piece) -> None:
    facts: dict[str, object] = {
        "stream": current.stream,
        "file": piece.file,
        "bytes": piece.size,
        **({"cut_line": True} if piece.cut_line else {}),
        "reason": piece.why,
    }
    journal.record(current.home, current.name, "rotate", facts)


def _is_told(current: Current, piece: Piece) -> bool:
    """Whether an event tells of that file, written by one who was killed after that."""
    made_s = os.stat(current.home.file(current.name, piece.file)).st_ctime
    last = journal.last_events(journal.history_file(current.home, current.name))
    return any(
        (one["event"], one.get("file")) == ("rotate", piece.file)
        and one["time"] + _ROUNDED_S > made_s
        for one in last
    )
