"""Writes numbered lines to stdout as fast as it can: argv[1] of them, then lives on.

Without argv[1] there is no end to them. Lines are of many lengths, so that neither a block
nor a page ends with one.
"""

import os
import signal
import sys
from itertools import count

_BLOCK = 1000


def line(number: int) -> bytes:
    """The line with that number, counted from 0."""
    return b"%d %s\n" % (number, b"x" * (number % 97))


def main(lines: int | None) -> None:
    for first in count(0, _BLOCK):
        last = first + _BLOCK if lines is None else min(first + _BLOCK, lines)
        if last <= first:
            break
        data = b"".join(map(line, range(first, last)))
        while data:
            data = data[os.write(1, data) :]
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
