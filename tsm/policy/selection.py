"""Which lines of a log are shown."""

from __future__ import annotations

from collections import deque
from itertools import accumulate

from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Chunk = tuple[int, bytes]  # the position of the first byte, and some whole lines
    Line = tuple[int, bytes]  # the same of one line, without its newline


class Selection(Record):
    """What is wanted of a log."""

    wanted: Callable[[bytes], bool] | None = None  # None: every line
    quick: Callable[[bytes], Iterable[Line]] | None = None  # those of a chunk that can be wanted
    context: int = 0  # lines shown before and after each that is wanted


class Shown(Record):
    """A line that is shown."""

    begin: int  # its position in the stream
    line: bytes
    around: bool = False  # only because of another

    @property
    def end(self) -> int:
        """The position after its newline."""
        return self.begin + len(self.line) + 1


class Picker:
    """Picks the lines of one log that are shown, as they come."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._before: deque[Line] = deque(maxlen=selection.context)
        self._left = 0  # of those that follow one that is wanted

    def pick(self, chunk: Chunk, *, backwards: bool = False) -> Iterator[Shown]:
        """Those of a chunk."""
        lines, wanted = self._lines(chunk), self._selection.wanted
        for begin, line in reversed(lines) if backwards else lines:
            if wanted is None:
                yield Shown(begin, line, False)  # noqa: FBT003 - all values, which is faster
            elif wanted(line):
                yield from (Shown(*one, around=True) for one in self._before)
                self._before.clear()
                self._left = self._selection.context
                yield Shown(begin, line)
            elif self._left:
                self._left -= 1
                yield Shown(begin, line, around=True)
            else:
                self._before.append((begin, line))

    def _lines(self, chunk: Chunk) -> list[Line]:
        begin, data = chunk
        quick = self._selection.quick
        if quick is not None and not self._selection.context:
            return [(begin + at, line) for at, line in quick(data)]
        lines = data.removesuffix(b"\n").split(b"\n")
        return list(
            zip(accumulate((len(line) + 1 for line in lines), initial=begin), lines, strict=False)
        )


def shown(selection: Selection, chunks: Iterable[Chunk]) -> Iterator[Shown]:
    """The lines that are shown, in their order."""
    picker = Picker(selection)
    for chunk in chunks:
        yield from picker.pick(chunk)


def tail(chunks: Iterable[Chunk], count: int) -> bytes:
    """The last `count` lines as they are, each with its newline, of chunks that go backwards."""
    pieces: list[bytes] = []
    for _, chunk in chunks if count else ():
        lines = chunk.removesuffix(b"\n").split(b"\n")[-count:]
        pieces.append(b"\n".join((*lines, b"")))
        count -= len(lines)
        if not count:
            break
    return b"".join(reversed(pieces))


def last(selection: Selection, chunks: Iterable[Chunk], count: int) -> list[Shown]:
    """The last `count` that are wanted, and what is around them, of chunks that go backwards."""
    picker = Picker(selection)
    found: list[Shown] = []
    left, around = count, selection.context
    if not count:
        return found
    for chunk in chunks:
        for one in picker.pick(chunk, backwards=True):
            if not left and (not one.around or one.end != found[-1].begin):
                return found[::-1]
            found.append(one)
            left, around = left - (not one.around), around - (not left)
            if not left and not around:
                return found[::-1]
    return found[::-1]
