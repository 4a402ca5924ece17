"""What a command is given beside its arguments: the home, the caller's world, and the output."""

from __future__ import annotations

import os
import select
import sys
import time
from contextlib import suppress

from tsm.store import home
from tsm.view import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tsm.errors import TsmError

LOCK_S = 60.0  # how long a command waits for others that act on the same process


class Context:
    """The world of one invocation."""

    def __init__(self, place: home.Home, command: str, umask: int) -> None:
        self.home = place
        self.command = command
        self.umask = f"{umask:04o}"  # the caller's; tsm's own files are private
        self.as_json = not sys.stdout.isatty()
        self.colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.lost: OSError | None = None  # why standard output can no longer be written
        self._progressing = False
        self._told: set[str] = set()  # of problems

    @property
    def environ(self) -> Mapping[bytes, bytes]:
        """The caller's environment, without the LC_CTYPE that Python may have added (PEP 538)."""
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
        pairs = (entry.partition(b"=") for entry in entries)
        return {key: value for key, sign, value in pairs if sign}

    def choose(self, *, as_json: bool, as_table: bool) -> None:
        """Let `--json` and `--table` decide what the kind of standard output would."""
        self.as_json = as_json or (self.as_json and not as_table)

    def row(self, values: Mapping[str, object], sentence: str) -> None:
        """Print one result at once: a JSON object for programs, a sentence for people."""
        self.end_progress()
        self.write(f"{_encoded(values) if self.as_json else text.printable(sentence)}\n")
        self.flush()

    def write(self, data: str) -> None:
        """Print data. A reader that has gone stops no act: `lost` tells at the end."""
        self.write_bytes(os.fsencode(data))

    def write_bytes(self, data: bytes) -> None:
        """Print data as it is."""
        if self.lost is None:
            try:
                sys.stdout.buffer.write(data)
            except OSError as error:
                self.lost = error

    def flush(self) -> None:
        """Let readers have what was printed so far."""
        if self.lost is None:
            try:
                sys.stdout.buffer.flush()
            except OSError as error:
                self.lost = error

    def report(self, problems: Sequence[TsmError]) -> int:
        """Say what went wrong with some of several processes; the exit status of the first.

        What several steps of a command come upon is said once.
        """
        for line in dict.fromkeys(problem.line for problem in problems):
            if line not in self._told:
                self._told.add(line)
                self.say(f"tsm {self.command}: {line}")
        return problems[0].status if problems else 0

    def say(self, line: str) -> None:
        """Talk: to standard error, never mixed with data."""
        self.end_progress()
        with suppress(OSError):
            sys.stderr.write(text.printable(line) + "\n")

    def warn(self, line: str | None) -> None:
        """Say what the user should know, if there is anything."""
        if line is not None:
            self.say(line)

    def progress(self, line: str) -> None:
        """Tell who watches a terminal what takes so long; the next text takes its place."""
        if sys.stderr.isatty():
            self._overwrite(text.printable(line))
            self._progressing = True

    def reader_gone(self, timeout_s: float | None, until: int | None = None) -> bool:
        """Wait a moment; True as soon as nobody reads standard output any more.

        With a descriptor `until` no longer than until that can be read from.
        """
        if self.lost is not None:
            return True
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)  # an error and a hang-up are always reported
        if until is not None:
            poll.register(until, select.POLLIN)
        found = poll.poll(None if timeout_s is None else timeout_s * 1000)
        return any(fd == sys.stdout.fileno() for fd, _ in found)

    def end_progress(self) -> None:
        """Take that text away."""
        if self._progressing:
            self._overwrite("")
            self._progressing = False

    @staticmethod
    def _overwrite(line: str) -> None:
        with suppress(OSError):
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()


def _encoded(values: Mapping[str, object]) -> str:
    import json

    return json.dumps(values, separators=(",", ":"))


def opened(command: str) -> Context:
    """The world of this invocation. Raises Refused for a home that must not be used."""
    umask = os.umask(0o077)
    if os.environ.pop("TZ", None) is not None:
        time.tzset()  # schedules and rotations go by the clock of the machine, whoever asks
    place = home.chosen(os.environ)
    home.check(place)
    return Context(place, command, umask)
