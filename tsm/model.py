"""The nouns: what a process is, what a run is, what the kernel says, what follows."""

from __future__ import annotations

import re

from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Never

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # of a process
STATUSES = (
    "launching",
    "online",
    "paused",
    "stopping",
    "stopped",
    "completed",
    "waiting",
    "errored",
    "broken",
)


def assert_never(value: Never) -> Never:
    """Prove to the type checker that a `match` is complete (typing's own costs its import)."""
    raise AssertionError(value)


class Meta(Record):
    """What is, as last written: the answer `ls` starts from, never the last word."""

    tsm_id: int
    name: str
    pid: int | None
    command: str
    cwd: str
    interpreter: str | None
    port: int | None
    status: str
    start_time: float | None  # seconds since the epoch, of the current or last run
    restarts: int
    unstable_restarts: int
    env_file: str | None
    ticks: int | None = None  # kernel start time of `pid`, in clock ticks since boot
    boot: str | None = None  # boot id that `pid` and `ticks` belong to
    health: str | None = None  # healthy, unhealthy or unknown, of the current run; None: not asked
    due: float | None = None  # when a schedule, or a restart, is due
    other: Mapping[str, object] = {}


MOST = (1 << 53) - 1  # up to which every reader of JSON tells one number from the next
_YEAR_9999_S = 253402300799
META_NUMBERS = {  # least and most
    "tsm_id": (1, MOST),
    "pid": (1, 1 << 22),  # as the kernel gives them
    "port": (1, 65535),
    "start_time": (0, _YEAR_9999_S),
    "restarts": (0, MOST),
    "unstable_restarts": (0, MOST),
    "ticks": (0, MOST),
    "due": (0, _YEAR_9999_S),
}
META_WORDS = {"status": STATUSES, "health": ("healthy", "unhealthy", "unknown")}


class Identity(Record):
    """One OS process for all time: a pid alone comes round again."""

    boot: str
    pid: int
    ticks: int


class Exit(Record):
    """How one run ended."""

    time_s: float
    uptime_s: float
    code: int | None  # 128+N: by signal N; None: nobody could see it


class Run(Record):
    """The run record: one life of the child, as tsm and the launcher wrote it down."""

    id: str
    boot: str
    time_s: float  # when it was asked for
    why: str  # "start", "restart", or "attach" for a child that tsm has not spawned
    restarts: int = 0  # how often the process had been restarted, this run included
    past: tuple[Exit, ...] = ()  # earlier exits that the restart policy still counts
    files: tuple[int, int] = (0, 0)  # inodes of current.out and current.err; 0: not known
    logs: tuple[int, int] = (0, 0)  # bytes that current.out and current.err held before it
    tasks: int = 0  # how many the kernel had made before it, at least
    launcher: Identity | None = None
    child: Identity | None = None
    code: int | None = None  # as the launcher saw it
    exited: bool = False  # the launcher recorded an exit
    exit_s: float | None = None  # when that was, at the latest
    ended_s: float | None = None  # when it ended; there once tsm has journaled the end
    begun: bool = False  # tsm has taken note of the begin, and journaled it
    ready: bool = False  # its probe has said that it is
    stopped: bool = False  # it ended because a command said so
    paused: tuple[Identity, ...] | None = None  # by command; who had been stopped before that
    cgroup: str | None = None  # the path of the group that was made for it


class Answer(Record):
    """What one probe of a child came to."""

    ok: bool
    output: str  # what it said, or what went wrong
    asked: bool = True  # False: tsm could not even ask, which says nothing of the child


class LogFile(Record):
    """A rotated file of a log."""

    path: str
    stream: str  # "out" or "err"
    size: int
    time_s: float  # when the last of it was written
    compressed: bool = False


class OsProcess(Record):
    """One row of the kernel's process table, from /proc/PID/stat (proc_pid_stat(5)).

    Where the first thread of a process has ended and others live, state and memory are those
    of one that lives.
    """

    pid: int
    comm: str
    state: str
    ppid: int
    session: int
    cpu_ticks: int  # user and system
    ticks: int  # start time since boot
    rss_bytes: int
    threads: int
    reaped_ticks: int = 0  # cpu_ticks of children that have ended, and theirs (cutime, cstime)

    @property
    def dead(self) -> bool:
        """A zombie answers to its pid, but nobody is in."""
        return self.state in "ZX"


class Start(Record):
    """Start it, not before `at_s`."""

    at_s: float
    why: str


class Rest(Record):
    """Leave it down, and call it `status`."""

    status: str
    why: str
    due_s: float | None = None  # when it gets one more try all the same


class End(Record):
    """End the run: it is wanted down."""

    why: str


class Renew(Record):
    """End the run, and begin the next."""

    event: str  # what is journaled of it
    why: str


class Keep(Record):
    """All is as it should be."""

    status: str
    due_s: float | None = None  # when that changes by the clock
    why: str = ""
