"""The table of settings: what `start` takes as options and `set` as keys, read off one row each."""

from __future__ import annotations

from tsm.policy import schedule, values
from tsm.policy.log_settings import LOGS
from tsm.policy.setting import Setting, choice, duration, flag, moment
from tsm.record import changed
from tsm.spec import HOOKS, OVERLAPS, RESTART_POLICIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.spec import Spec


_RESTART = (
    choice("restart", "restart.when", RESTART_POLICIES, "when to start it again"),
    Setting(
        "max-retries",
        "restart.max_retries",
        values.whole,
        "N",
        "short runs in a row before it is errored",
        values.within(0, 1000, ", such as 3"),
    ),
    duration("min-uptime", "restart.min_uptime_s", "less is a short run"),
    duration("delay", "restart.delay_s", "after the first short run"),
    duration("max-delay", "restart.max_delay_s", "the longest delay"),
    Setting(
        "success-codes",
        "restart.success_codes",
        values.codes,
        "N,N",
        "exit codes that count as success",
        values.exit_codes,
    ),
    moment(
        "retry-after", "restart.retry_after_s", "once errored, try again each time that is over"
    ),
    Setting("stop-signal", "stop_signal", str, "SIGNAL", "what asks it to stop; default: TERM"),
    duration("stop-timeout", "stop_timeout_s", "then SIGKILL"),
)


def _of_http(probe: str) -> tuple[Setting, Setting]:
    """What makes the answer to that probe a good one."""
    what = "HTTP statuses that are good"
    return (
        Setting(f"{probe}-status", f"{probe}.status", str, "CODES", what, values.statuses),
        Setting(f"{probe}-body", f"{probe}.body", str, "RE", "what it must hold", values.pattern),
    )


_PROBES = (
    Setting("ready", "ready.check", str, "PROBE", "it is online once this succeeds", values.check),
    moment("ready-interval", "ready.interval_s", "between two looks whether it is ready"),
    moment("ready-timeout", "ready.timeout_s", "of one look"),
    *_of_http("ready"),
    Setting(
        "health",
        "health.check",
        str,
        "PROBE",
        "it is healthy as long as this succeeds",
        values.check,
    ),
    moment("health-interval", "health.interval_s", "between two probes"),
    moment("health-timeout", "health.timeout_s", "of one probe"),
    Setting(
        "health-retries",
        "health.retries",
        values.whole,
        "N",
        "failures in a row that count",
        values.within(1, 1000, ", such as 3"),
    ),
    duration("health-start-period", "health.start_period_s", "in which failures do not count"),
    *_of_http("health"),
    flag("health-restart", "health.restart", "restart it when it is unhealthy"),
)
_LIMITS = (
    Setting(
        "max-memory",
        "limits.max_memory_bytes",
        values.size,
        "SIZE",
        "restart it when its tree uses more",
        values.within(1, 1 << 60, " bytes, such as 200M"),
    ),
    Setting(
        "max-cpu",
        "limits.max_cpu_percent",
        values.percent,
        "PERCENT",
        "restart it when its tree uses more of one core",
        values.within(0.1, 1_000_000, ", such as 80"),
    ),
    moment("max-cpu-for", "limits.max_cpu_for_s", "for so long"),
    Setting(
        "nice",
        "limits.nice",
        values.integer,
        "N",
        "its niceness",
        values.within(-20, 19, ", such as 5"),
        next_run=True,
    ),
    Setting(
        "oom-score-adj",
        "limits.oom_score_adj",
        values.integer,
        "N",
        "how soon the kernel kills it when memory is short",
        values.within(-1000, 1000, ", such as -500"),
        next_run=True,
    ),
    Setting(
        "rlimit",
        "limits.rlimits",
        str,
        "NAME=N",
        "limit a resource, such as nofile=65536",
        values.rlimits,
        gather=values.assignments("nofile=65536"),
        next_run=True,
    ),
    Setting("user", "limits.user", str, "USER", "run it as this user", values.word, next_run=True),
    Setting("group", "limits.group", str, "GROUP", "and as this group", values.word, next_run=True),
    Setting(
        "cgroup",
        "limits.cgroup",
        str,
        "FILE=VALUE",
        "a limit of cgroup v2, such as memory.max=200M",
        values.cgroup,
        gather=values.assignments("memory.max=200M"),
        next_run=True,
    ),
    Setting(
        "umask", "umask", str, "OCTAL", "its umask; default: yours", values.umask, next_run=True
    ),
)
_TURNS = (
    *(
        Setting(
            hook.replace("_", "-"),
            f"hooks.{hook}",
            str,
            "COMMAND",
            f"run this {hook.replace('_', ' ').replace('pre', 'before').replace('post', 'after')}",
            values.text,
        )
        for hook in HOOKS
    ),
    moment("hook-timeout", "hooks.timeout_s", "how long such a command may take"),
    Setting(
        "cron-restart",
        "schedule.cron_restart",
        str,
        "CRON",
        "restart it at these times",
        schedule.expression,
    ),
    Setting(
        "schedule",
        "schedule.job",
        str,
        "CRON",
        "run it at these times, to its end",
        schedule.expression,
    ),
    choice(
        "overlap",
        "schedule.overlap",
        OVERLAPS,
        "when the last run is not over: skip, queue or kill",
    ),
    flag("run-missed", "schedule.run_missed", "make up for a time that was missed, once"),
    Setting(
        "timezone",
        "schedule.timezone",
        str,
        "ZONE",
        "of these times, such as Europe/Prague",
        schedule.zone,
    ),
    Setting(
        "watch",
        "watch.paths",
        str,
        "PATH",
        "restart it when a file there changes",
        values.paths,
        gather=values.several("src"),
    ),
    Setting(
        "ignore",
        "watch.ignore",
        str,
        "GLOB",
        "but not when it is one of these",
        gather=values.several("'*.log'"),
    ),
    moment("watch-delay", "watch.delay_s", "how long the files must be quiet first"),
    Setting(
        "source-maps",
        "source_maps",
        values.flag,
        "",
        "map the stack traces of a node child",
        next_run=True,
    ),
)
SETTINGS = {row.key: row for row in (*_RESTART, *_PROBES, *_LIMITS, *_TURNS, *LOGS)}


def value_of(spec: Spec, setting: Setting) -> object:
    """What the definition says of it."""
    found: object = spec
    for field in setting.field.split("."):
        found = getattr(found, field)
    return found


def applied(spec: Spec, given: Mapping[str, object]) -> Spec:
    """The definition with the values of some settings, by key, put in the place of its own."""
    for key, value in given.items():
        part, _, field = SETTINGS[key].field.rpartition(".")
        if part:
            part_now = changed(getattr(spec, part), **{field: value})
            spec = changed(spec, **{part: part_now})
        else:
            spec = changed(spec, **{field: value})
    return spec


def default(setting: Setting) -> object:
    """What it is where nobody has set it."""
    from tsm.spec import Spec

    return value_of(Spec(name="", argv=(), command="", cwd=""), setting)


def problem(spec: Spec) -> str | None:
    """What is wrong with the values of the definition, each by its key; None if nothing."""
    for setting in SETTINGS.values():
        value = value_of(spec, setting)
        if value is None or setting.problem is values.nothing:
            continue
        what = setting.problem(value)
        if what is not None:
            return f"{setting.key} {what}"
    return None
