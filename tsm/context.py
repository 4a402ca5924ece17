"""What a command is given beside its arguments: the home, the caller's world, and the output."""

from __future__ import annotations

import json
import os
import select
import sys

from tsm.store import home

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tsm.errors import TsmError
LOCK_S = 60.0  # how long a command waits for others that act on the same process


class Context:
    """The world of one invocation."""

    def __init__(self, place: home.Home, umask: int) -> None:
        self.home = place
        self.umask = f"{umask:04o}"  # the caller's; tsm's own files are private
        self.as_json = not sys.stdout.isatty()
        self.colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    @property
    def environ(self) -> Mapping[bytes, bytes]:
        """The caller's environment."""
        return os.environb

    def choose(self, *, as_json: bool, as_table: bool) -> None:
        """Let `--json` and `--table` decide what the kind of standard output would."""
        self.as_json = as_json or (self.as_json and not as_table)

    def row(self, values: Mapping[str, object], sentence: str) -> None:
        """Print one result: a JSON object for programs, a sentence for people."""
        if self.as_json:
            self.write(json.dumps(values, separators=(",", ":")) + "\n")
        else:
            self.write(sentence + "\n")
        sys.stdout.flush()

    def write(self, text: str) -> None:
        """Print data."""
        sys.stdout.write(text)

    def report(self, problems: Sequence[TsmError]) -> int:
        """Say what went wrong with some of several processes; the exit status of the first."""
        for problem in problems:
            self.say(f"tsm: {problem}")
        return problems[0].status if problems else 0

    def say(self, text: str) -> None:
        """Talk: to standard error, never mixed with data."""
        sys.stderr.write(text + "\n")

    def reader_gone(self, timeout_s: float) -> bool:
        """Wait a moment; True as soon as nobody reads standard output any more."""
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)  # an error and a hang-up are always reported
        return bool(poll.poll(timeout_s * 1000))


def opened() -> Context:
    """The world of this invocation. Raises Refused for a home that must not be used."""
    umask = os.umask(0o077)
    place = home.chosen(os.environ)
    home.check(place)
    return Context(place, umask)
