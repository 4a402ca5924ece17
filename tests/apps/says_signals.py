"""Says on stdout which of HUP, USR1 and USR2 it gets, with its generation in front.

argv[1] says how many generations descend from it (default 0), each in a session of its own.
Once all are ready, the youngest says "ready".
"""

import os
import signal
import sys

_HEARD = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main(generations: int) -> None:
    generation = 0
    _listen(generation)
    while generation < generations and os.fork() == 0:
        os.setsid()
        generation += 1
        _listen(generation)
    if generation == generations:
        _say("ready")
    while True:
        signal.pause()


def _listen(generation: int) -> None:
    for one in _HEARD:
        signal.signal(one, lambda number, _: _say(f"{generation} {signal.Signals(number).name}"))


def _say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
