"""What only a privileged tsm can give a child, found out before it is asked for."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tsm.spec import Limits

_SYS_NICE, _SYS_RESOURCE = 23, 24  # capabilities(7)
_CAPABILITIES = {_SYS_NICE: "CAP_SYS_NICE", _SYS_RESOURCE: "CAP_SYS_RESOURCE"}
_NUMBERS = {"locks": 10, "rttime": 15}  # that the module `resource` has no names for
_UNLIMITED = float("inf")


def problem(limits: Limits) -> str | None:
    """Which limit could not be set, and what it needs; None if nothing is known to fail."""
    return next(_problems(limits), None)


def niceness() -> int:
    """That of this process, and so of the launchers that it spawns."""
    return os.getpriority(os.PRIO_PROCESS, 0)


def as_numbers(limit: str) -> tuple[float, float]:
    """Soft and hard of `1024`, `1024:4096` or `unlimited`."""
    soft, _, hard = limit.partition(":")
    first, second = (
        _UNLIMITED if word == "unlimited" else float(word) for word in (soft, hard or soft)
    )
    return first, second


def _problems(limits: Limits) -> Iterator[str]:
    if limits.user is not None or limits.group is not None:
        key = "user" if limits.user is not None else "group"
        if os.geteuid() != 0:
            yield f"{key} {limits.user or limits.group}: only root can run it as another"
    if limits.nice is not None and limits.nice < min(niceness(), _least_niceness()):
        yield f"nice {limits.nice}: less than {niceness()} {_needs(_SYS_NICE)}"
    adjust = limits.oom_score_adj
    if adjust is not None and adjust < min(0, _oom_score_adj()) and not _capable(_SYS_RESOURCE):
        yield f"oom-score-adj {adjust}: {_needs(_SYS_RESOURCE)}"
    for name, limit in limits.rlimits.items():
        yield from _rlimit_problems(name, limit)


def _rlimit_problems(name: str, limit: str) -> Iterator[str]:
    import resource

    soft, hard = as_numbers(limit)
    if soft > hard:
        yield f"rlimit {name}={limit}: the soft limit is above the hard one: give SOFT:HARD"
        return
    number = getattr(resource, f"RLIMIT_{name.upper()}", _NUMBERS.get(name))
    if number is None or _capable(_SYS_RESOURCE):
        return
    most = resource.getrlimit(number)[1]
    if most != resource.RLIM_INFINITY and hard > most:
        yield f"rlimit {name}={limit}: more than {most} {_needs(_SYS_RESOURCE)}"


def _needs(capability: int) -> str:
    """What this user, who has not the capability, would have to have; root may be without it."""
    if os.geteuid() != 0:
        return "needs root"
    return f"needs the capability {_CAPABILITIES[capability]}, which root has not here"


def _least_niceness() -> int:
    """What this process may set; see getrlimit(2) for RLIMIT_NICE."""
    if _capable(_SYS_NICE):
        return -20
    import resource

    soft = resource.getrlimit(getattr(resource, "RLIMIT_NICE", 13))[0]
    return -20 if soft == resource.RLIM_INFINITY else 20 - soft


def _oom_score_adj() -> int:
    return int(_field("/proc/self/oom_score_adj", lambda text: text, "0"))


def _capable(capability: int) -> bool:
    def effective(text: str) -> str:
        return text.partition("CapEff:")[2].split()[0]

    return bool(int(_field("/proc/self/status", effective, "0"), 16) >> capability & 1)


def _field(path: str, pick: Callable[[str], str], otherwise: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return pick(file.read())
    except (OSError, IndexError):
        return otherwise
