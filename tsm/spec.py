"""The definition of a process: what the user asked for, as records. Times are seconds."""

from __future__ import annotations

from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RESTART_POLICIES = ("always", "on-failure", "unless-stopped", "no")
OVERLAPS = ("skip", "queue", "kill")
COMPRESSIONS = ("none", "gzip", "zstd")
ROTATIONS = ("size", "hourly", "daily")
# What may be set for logs, least and most.
LOG_BYTES = (4096, 1 << 60)  # from which a file is rotated
LOGS_KEPT = (0, 1_000_000)  # files of a stream
LOG_AGE_S = (60, 1e9)
LOGS_BYTES = (0, 1 << 60)  # of all rotated files
MERGED = "current.out"  # what current.err leads to where both streams are one
NOWHERE = "/dev/null"
HOOKS = ("pre_start", "post_start", "pre_stop", "post_stop", "on_crash", "on_unhealthy")


class Restart(Record):
    """When a process that has ended is started again."""

    when: str = "always"  # one of RESTART_POLICIES
    max_retries: int = 16  # short runs in a row before `errored`
    min_uptime_s: float = 1.0  # a run shorter than this is short
    delay_s: float = 1.0  # before the restart that follows the first short run
    max_delay_s: float = 60.0
    success_codes: tuple[int, ...] = (0,)
    retry_after_s: float | None = None  # once errored, one more try each time that is over
    other: Mapping[str, object] = {}  # keys of a later release, kept


class Probe(Record):
    """A question to a child that is asked again and again, whether it is ready or healthy."""

    check: str | None = None  # http://..., https://..., tcp:..., command:..., log:..., ...
    interval_s: float = 10.0
    timeout_s: float = 5.0  # of one probe
    retries: int = 3  # failures in a row before it counts
    start_period_s: float = 0.0  # after a start, in which failures do not count
    status: str = "200-399"  # what an HTTP probe takes for good
    body: str | None = None  # a pattern that its answer must hold
    restart: bool = False  # whether an unhealthy child is restarted
    other: Mapping[str, object] = {}


class Limits(Record):
    """What a run may use, and as whom."""

    max_memory_bytes: int | None = None  # of the whole tree; above it the process is restarted
    max_cpu_percent: float | None = None  # of one core, the whole tree
    max_cpu_for_s: float = 60.0  # above it for so long, the process is restarted
    nice: int | None = None
    oom_score_adj: int | None = None
    rlimits: Mapping[str, str] = {}  # prlimit(1)'s name of a resource -> SOFT:HARD, or one for both
    user: str | None = None
    group: str | None = None
    cgroup: Mapping[str, str] = {}  # file of cgroup v2, such as memory.max -> its value
    other: Mapping[str, object] = {}


class Hooks(Record):
    """Commands that are run by /bin/sh at turns of a process's life."""

    pre_start: str | None = None  # its failure stops the start
    post_start: str | None = None
    pre_stop: str | None = None
    post_stop: str | None = None
    on_crash: str | None = None
    on_unhealthy: str | None = None
    timeout_s: float = 30.0
    other: Mapping[str, object] = {}


class Schedule(Record):
    """When a process is restarted, or, for a job, run: cron expressions, of 5 or 6 fields."""

    cron_restart: str | None = None
    job: str | None = None  # it is run at these times, to its end
    overlap: str = "skip"  # one of OVERLAPS: what to do when the last run is not over
    run_missed: bool = False  # whether a time that has passed unseen is made up for, once
    timezone: str | None = None  # such as Europe/Prague; None: that of the machine
    other: Mapping[str, object] = {}


class Watch(Record):
    """Which files restart the process when they change."""

    paths: tuple[str, ...] = ()  # absolute; none: it is not watched
    ignore: tuple[str, ...] = ()  # patterns as in a .gitignore
    delay_s: float = 0.5  # quiet for so long before the restart
    other: Mapping[str, object] = {}


class Logs(Record):
    """Where a child's output goes, when it is rotated, what is kept of it.

    Of rotation, None: as config.toml has it.
    """

    out: str | None = None  # the file that standard output goes to, absolute; None: current.out
    err: str | None = None  # the same of standard error
    merge: bool = False  # standard error goes where standard output goes
    discard: bool = False  # both go nowhere
    size_bytes: int | None = None  # of a current file, from which on it is rotated
    rotate: str | None = None  # one of ROTATIONS, with an hour: `daily@4`
    keep: int | None = None  # rotated files of each stream
    age_s: float | None = None  # that a rotated file may reach
    total_bytes: int | None = None  # of all rotated files together
    compress: str | None = None  # one of COMPRESSIONS
    other: Mapping[str, object] = {}

    @property
    def leads(self) -> tuple[str | None, str | None]:
        """What current.out and current.err lead to; None: each is a file itself."""
        if self.discard:
            return NOWHERE, NOWHERE
        return self.out, MERGED if self.merge else self.err

    @property
    def own(self) -> tuple[str, ...]:
        """The files of the user's that are written to."""
        return tuple(lead for lead in self.leads if lead and lead not in (MERGED, NOWHERE))


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
    ready: Probe = Probe(interval_s=1.0)
    health: Probe = Probe()
    limits: Limits = Limits()
    hooks: Hooks = Hooks()
    schedule: Schedule = Schedule()
    watch: Watch = Watch()
    logs: Logs = Logs()
    source_maps: bool = False  # a node child maps its stack traces, crash reports do as well
    other: Mapping[str, object] = {}  # keys of a later release, kept


def is_rotation(text: str) -> bool:
    """Whether it is one of ROTATIONS, that of each day perhaps with an hour: `daily@4`."""
    word, at, hour = text.partition("@")
    if not at:
        return word in ROTATIONS
    number = hour.isascii() and hour.isdecimal() and len(hour) <= 2
    return word == "daily" and number and int(hour) < 24
