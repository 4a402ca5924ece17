"""The nouns: what a process is, what a run is, what the kernel says, what follows."""

from __future__ import annotations

import re

from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Never

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # of a process
RESTART_POLICIES = ("always", "on-failure", "unless-stopped", "no")
STATUSES = (
    "launching",
    "online",
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


class Restart(Record):
    """When a process that has ended is started again."""

    when: str = "always"  # one of RESTART_POLICIES
    max_retries: int = 16  # short runs in a row before `errored`
    min_uptime_s: float = 1.0  # a run shorter than this is short
    delay_s: float = 1.0  # before the restart that follows the first short run
    max_delay_s: float = 60.0
    success_codes: tuple[int, ...] = (0,)
    other: Mapping[str, object] = {}  # keys of a later release, kept


class Spec(Record):
    """What the user asked for. Strings may hold undecodable bytes as surrogates (PEP 383)."""

    name: str  # full name: with the port, where there is one
    argv: tuple[str, ...]  # what is executed, at least one word
    command: str  # what the user typed
    cwd: str  # absolute
    interpreter: str | None = None
    port: int | None = None
    umask: str = "0022"  # octal
    env_file: str | None = None
    env: Mapping[str, str] = {}  # what --env set, over all else
    clean_env: bool = False
    restart: Restart = Restart()
    stop_signal: str = "SIGTERM"
    stop_timeout_s: float = 10.0
    other: Mapping[str, object] = {}  # keys of a later release, kept


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
    other: Mapping[str, object] = {}


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
    why: str  # "start" or "restart"
    restarts: int = 0  # how often the process had been restarted, this run included
    past: tuple[Exit, ...] = ()  # earlier exits that the restart policy still counts
    launcher: Identity | None = None
    child: Identity | None = None
    code: int | None = None  # as the launcher saw it
    exited: bool = False  # the launcher recorded an exit
    exit_s: float | None = None  # when that was, at the latest
    ended_s: float | None = None  # when it ended; there once tsm has journaled the end
    begun: bool = False  # tsm has taken note of the begin, and journaled it
    stopped: bool = False  # it ended because a command said so


class OsProcess(Record):
    """One row of the kernel's process table, from /proc/PID/stat (proc_pid_stat(5))."""

    pid: int
    comm: str
    state: str
    ppid: int
    session: int
    cpu_ticks: int  # user and system
    ticks: int  # start time since boot
    rss_bytes: int
    threads: int

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


class End(Record):
    """End the run: it is wanted down."""

    why: str


class Keep(Record):
    """All is as it should be."""

    status: str
