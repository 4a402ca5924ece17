"""Which settings have no effect by themselves, and what gives them one."""

from __future__ import annotations

from tsm.policy.settings import SETTINGS, default, value_of
from tsm.record import Record
from tsm.spec import HOOKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tsm.spec import Probe, Spec


class Need(Record):
    """What some settings need of the rest of the definition."""

    keys: tuple[str, ...]  # of settings, or options of `start` that are none
    lack: str  # how a definition is in which they change nothing; {0} goes before each key
    met: Callable[[Spec], bool]


def _is_http(probe: Probe) -> bool:
    return str(probe.check).startswith(("http://", "https://"))


_COUNTING = ("max-retries", "min-uptime", "delay", "max-delay", "retry-after")
_PROBING = ("interval", "timeout", "retries", "start-period", "status", "body", "restart")
NEEDS = (
    Need(("ignore", "watch-delay"), "without {0}watch", lambda spec: bool(spec.watch.paths)),
    Need(
        (*(f"ready-{one}" for one in ("interval", "timeout", "status", "body")), "wait-ready"),
        "without {0}ready",
        lambda spec: spec.ready.check is not None,
    ),
    Need(
        ("ready-status", "ready-body"),
        "without a {0}ready of http",
        lambda spec: _is_http(spec.ready),
    ),
    Need(
        (*(f"health-{one}" for one in _PROBING), "on-unhealthy"),
        "without {0}health",
        lambda spec: spec.health.check is not None,
    ),
    Need(
        ("health-status", "health-body"),
        "without a {0}health of http",
        lambda spec: _is_http(spec.health),
    ),
    Need(
        ("max-cpu-for",),
        "without {0}max-cpu",
        lambda spec: spec.limits.max_cpu_percent is not None,
    ),
    Need(
        ("hook-timeout",),
        "without a hook such as {0}pre-start",
        lambda spec: any(getattr(spec.hooks, hook) is not None for hook in HOOKS),
    ),
    Need(
        ("overlap", "run-missed"), "without {0}schedule", lambda spec: spec.schedule.job is not None
    ),
    Need(
        ("timezone",),
        "without {0}schedule or {0}cron-restart",
        lambda spec: (spec.schedule.job or spec.schedule.cron_restart) is not None,
    ),
    Need(
        ("out", "err", "merge-logs", "log-size", "log-rotate"),
        "with {0}no-logs",
        lambda spec: not spec.logs.discard,
    ),
    Need(("err",), "with {0}merge-logs", lambda spec: not spec.logs.merge),
    Need(_COUNTING, "with {0}restart no", lambda spec: spec.restart.when != "no"),
    Need(
        (*_COUNTING, "wait", "wait-ready"),
        "with {0}schedule",
        lambda spec: spec.schedule.job is None,
    ),
    Need(
        ("restart",),  # a job is as with `no`
        "with {0}schedule",
        lambda spec: spec.schedule.job is None or spec.restart.when == "no",
    ),
)


def idle(spec: Spec, given: Iterable[str], before: str = "") -> str | None:
    """Which of the keys that were given changes nothing in this definition, and why; None if none.

    `before` is what a user writes before a key.
    """
    keys = list(given)
    for need in NEEDS:
        if not need.met(spec):
            for key in keys:
                if key in need.keys:
                    return f"{before}{key}: has no effect {need.lack.format(before)}"
    return never_had(spec, keys, before)


def never_had(spec: Spec, given: Iterable[str], before: str = "") -> str | None:
    """That the delay somebody asked for is longer than any may be; None if no such key was given.

    Whoever puts back the longest that may be by default has changed that as well.
    """
    delay_s, most_s = spec.restart.delay_s, spec.restart.max_delay_s
    set_here = unusual(spec, ("delay",)) and {"delay", "max-delay"}.intersection(given)
    if delay_s > most_s and set_here:
        return f"{before}delay: {delay_s:g} s is more than {before}max-delay, {most_s:g} s"
    return None


def unusual(spec: Spec, keys: Iterable[str]) -> list[str]:
    """Those of the keys that are not as by default: to put a default back is no mistake."""
    return [key for key in keys if value_of(spec, SETTINGS[key]) != default(SETTINGS[key])]
