"""Writes to argv[1], as JSON, all that a child inherits; lives until a signal ends it.

Bytes are shown in latin-1, one character each. `ignored` and `blocked` are signal numbers;
SIGPIPE and SIGXFSZ are not among them, as Python ignores them itself: signals.sh tells.
"""

import json
import os
import signal
import sys

_PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}


def main(path: str) -> None:
    umask = os.umask(0o077)
    context = {
        "argv": [os.fsencode(word).decode("latin-1") for word in sys.argv],
        "blocked": _signals("SigBlk"),
        "cwd": os.getcwdb().decode("latin-1"),
        "environ": _environment(),
        "fds": _descriptors(),
        "ignored": _signals("SigIgn"),
        "pid": os.getpid(),
        "session_leader": os.getsid(0) == os.getpid(),
        "tty": _tty_opens(),
        "umask": umask,
    }
    with open(f"{path}.new", "w", encoding="ascii") as file:
        json.dump(context, file)
    os.rename(f"{path}.new", path)
    signal.pause()


def _environment() -> dict[str, str]:
    # Not os.environ: Python may have added LC_CTYPE to that.
    with open("/proc/self/environ", "rb") as file:
        entries = file.read().decode("latin-1").split("\0")[:-1]
    return {entry.partition("=")[0]: entry.partition("=")[2] for entry in entries}


def _descriptors() -> dict[int, str]:
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(b"/proc/self/fd/" + entry.encode())
        except FileNotFoundError:  # the listing's own
            continue
        found[int(entry)] = target.decode("latin-1")
    return found


def _signals(field: str) -> list[int]:
    with open("/proc/self/status", encoding="ascii") as file:
        mask = next(int(line.split()[1], 16) for line in file if line.startswith(f"{field}:"))
    return [n for n in range(1, 65) if mask >> (n - 1) & 1 and n not in _PYTHONS_OWN]


def _tty_opens() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
