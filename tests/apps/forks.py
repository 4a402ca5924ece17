"""Has descendants that are hard to end, and writes their pids to argv[1] as JSON.

`stubborn`: a child that ignores SIGTERM; `stray`: a grandchild in a session of its own,
whose parent has gone; `main`: itself, which SIGTERM ends.
"""

import json
import os
import signal
import sys


def main(path: str) -> None:
    reader, writer = os.pipe()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _live(writer, "stubborn")
    parent = os.fork()
    if parent == 0:
        if os.fork() == 0:
            os.setsid()
            _live(writer, "stray")
        os._exit(0)
    os.close(writer)
    os.waitpid(parent, 0)
    with os.fdopen(reader) as said:
        pids = {"main": os.getpid()} | {name: int(pid) for name, pid in map(str.split, said)}
    with open(f"{path}.new", "w", encoding="ascii") as file:
        json.dump(pids, file)
    os.rename(f"{path}.new", path)
    signal.pause()


def _live(writer: int, name: str) -> None:
    """Say that all is set up, and live until a signal ends it."""
    os.write(writer, f"{name} {os.getpid()}\n".encode())
    os.close(writer)
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1])
