"""A child that writes so many numbered lines to stdout: NAME DOOR GATE BYTES AT_ONCE RATE.

It reports `up`, waits at the gate, writes AT_ONCE bytes at a time, and reports the time that
took. A write may end within a line, as those of programs do whose output is buffered. RATE is
how many bytes it writes in a second, `inf` for as many as it can; it never sleeps in between
but looks at the clock. When it paused for longer than PAUSE_S between two such looks is in the
file NAME.pauses beside the door: a line each, the time at which the pause ended and how long it
was, in monotonic seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_BYTES = 100
PAUSE_S = 0.0002

DIGITS = 10  # of the number of a line, which it begins and ends with: halves of two make no line
FILLER = b" " + b"x" * (LINE_BYTES - 2 * DIGITS - 3) + b" "

_COUNT = 1000  # lines made at once: they share all digits but the last three
_SHARED = DIGITS - 3
_PLACES = (0, DIGITS + len(FILLER))


def blocks(count_bytes: int) -> Iterator[bytearray]:
    """Yield lines, 1000 at a time in one and the same buffer.

    As many as fit into `count_bytes`, in thousands.
    """
    numbers = (b"%0*d" % (DIGITS, number) for number in range(_COUNT))
    block = bytearray(b"".join(number + FILLER + number + b"\n" for number in numbers))
    shown = b"0" * _SHARED
    for thousand in range(count_bytes // len(block)):
        digits = b"%0*d" % (_SHARED, thousand)
        for place in range(_SHARED):
            if digits[place] != shown[place]:
                for begin in _PLACES:
                    block[begin + place :: LINE_BYTES] = digits[place : place + 1] * _COUNT
        shown = digits
        yield block


def main(name: str, door: str, gate: str, *numbers: str) -> None:
    """Write, report, and sleep until told to end."""
    size, at_once, rate = map(float, numbers)

    def report(what: str) -> None:
        fd = os.open(door, os.O_WRONLY)
        os.write(fd, f"{name} {what}\n".encode())
        os.close(fd)

    report(f"up {os.getpid()}")
    fd = os.open(gate, os.O_RDONLY)
    os.read(fd, 1)
    os.close(fd)
    begun_s = time.monotonic()
    pauses = written(int(size), int(at_once), rate)
    took_s = time.monotonic() - begun_s
    with open(f"{os.path.dirname(door)}/{name}.pauses", "w", encoding="ascii") as file:  # noqa: PTH120, PTH123
        file.writelines(f"{end_s:.6f} {length_s:.6f}\n" for end_s, length_s in pauses)
    report(f"done {took_s:.6f}")
    signal.pause()


def written(size: int, at_once: int, rate: float) -> list[tuple[float, float]]:
    """Write so many bytes of lines; answer the pauses."""
    clock, write = time.monotonic, os.write
    pauses: list[tuple[float, float]] = []
    rest = b""
    last_s = due_s = clock()
    for lines in blocks(size):
        block = memoryview(rest + lines)
        whole = len(block) - len(block) % at_once
        for at in range(0, whole, at_once):
            piece = block[at : at + at_once]
            if (count := write(1, piece)) != at_once:
                _write_all(piece[count:])
            due_s += at_once / rate
            while True:
                now_s = clock()
                if now_s - last_s > PAUSE_S:
                    pauses.append((now_s, now_s - last_s))
                last_s = now_s
                if now_s >= due_s:
                    break
        rest = bytes(block[whole:])
    _write_all(memoryview(rest))
    return pauses


def _write_all(piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(1, piece) :]


if __name__ == "__main__":
    main(*sys.argv[1:])
