"""Whether there is anything to be asked or measured of a process while it runs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.spec import Spec


def limited(spec: Spec) -> bool:
    """Whether it is to be measured."""
    limits = spec.limits
    return limits.max_memory_bytes is not None or limits.max_cpu_percent is not None


def for_residents(spec: Spec) -> list[str]:
    """What of it a patrol that looks once and leaves cannot watch."""
    watched = {
        "its files": bool(spec.watch.paths),
        "its processor time": spec.limits.max_cpu_percent is not None,
        "its heartbeat": spec.health.check == "heartbeat",
        "what it tells by sd_notify": "notify" in (spec.ready.check, spec.health.check),
    }
    return [what for what, asked in watched.items() if asked]


def asks(spec: Spec) -> bool:
    """Whether it is to be asked, measured or watched."""
    probed = spec.ready.check is not None or spec.health.check is not None
    return probed or bool(spec.watch.paths) or limited(spec)
