"""A child that writes so many bytes of log to stdout: NAME DOOR GATE BYTES.

It reports `up`, waits at the gate, writes, and reports the time that took. Lines of 128
bytes leave in blocks of 8 KiB, the buffer of most programs that write to a file or a pipe.
"""

from __future__ import annotations

import os
import signal
import sys
import time

LINE = b"x" * 127 + b"\n"
BLOCK = LINE * 64


def main(name: str, door: str, gate: str, size: str) -> None:
    """Write, report, and sleep until told to end."""

    def report(what: str) -> None:
        fd = os.open(door, os.O_WRONLY)
        os.write(fd, f"{name} {what}\n".encode())
        os.close(fd)

    report(f"up {os.getpid()}")
    fd = os.open(gate, os.O_RDONLY)
    os.read(fd, 1)
    os.close(fd)
    begun_s = time.monotonic()
    left = int(size)
    while left:
        left -= os.write(1, BLOCK[: min(left, len(BLOCK))])
    report(f"done {time.monotonic() - begun_s:.6f}")
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
