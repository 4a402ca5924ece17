"""What a probe needs to know of the run it asks, and what probes have seen of it so far."""

from __future__ import annotations

import time

from tsm.osproc.notify import Told
from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tsm.osproc.written import Written


class User(Record):
    """Whom a command probe runs as."""

    uid: int
    gid: int
    groups: Sequence[int] = ()


class Seen:
    """What is known of one run so far; it changes, and each run has its own."""

    def __init__(self, watchdog_s: float | None = None) -> None:
        self.since_s = time.monotonic()  # what was said before that, nobody here has heard
        self.told = Told(watchdog_s=watchdog_s)  # whoever receives messages keeps it up to date
        self.written: dict[str, Written] = {}  # pattern -> the search for it
        self.beat: tuple[float, float] | None = None  # mtime, and the monotonic time it was made


class World(Record):
    """The surroundings of one run, from its begin to its end."""

    name: str  # of the process
    cwd: str
    environ: Mapping[bytes, bytes]  # of the child
    directory: str  # of the process: current.out and current.err are there
    began_s: float  # since the epoch
    heartbeat: str  # the file that the child touches, TSM_HEARTBEAT
    seen: Seen
    streams: Sequence[str] = ("out", "err")  # that have a log of their own
    began_bytes: Mapping[str, int] = {}  # stream -> its position when the run began
    log_begin: Callable[[str], int] = lambda _stream: 0  # the position at which its file begins
    # What was rotated out of it between two positions, in blocks, each with its position.
    rotated: Callable[[str, int, int], Iterable[tuple[int, bytes]]] = lambda *_: ()
    user: User | None = None  # None: the caller itself
