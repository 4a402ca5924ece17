"""Whether there is anything to be asked or measured of a process while it runs."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.spec import Spec


def limited(spec: Spec) -> bool:
    """Whether it is to be measured."""
    limits = spec.limits
    return limits.max_memory_bytes is not None or limits.max_cpu_percent is not None


def needs_resident(spec: Spec) -> bool:
    """Whether there is something that a patrol which looks once and leaves cannot do."""
    told = "notify" in (spec.ready.check, spec.health.check)
    return told or bool(spec.watch.paths) or spec.limits.max_cpu_percent is not None


def asks(spec: Spec) -> bool:
    """Whether it is to be asked, measured or watched."""
    probed = spec.ready.check is not None or spec.health.check is not None
    return probed or bool(spec.watch.paths) or limited(spec)
