"""Whether a run uses more than it may."""

from __future__ import annotations

from tsm.model import Renew
from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.spec import Limits

SAMPLES = 2  # above the limit in a row: a peak that has gone is none of tsm's business
_MIB = 1 << 20


class Excess(Record):
    """How long a run has been above its limits by now; the first of a run is `Excess()`."""

    memory_count: int = 0  # samples in a row
    cpu_since_s: float | None = None  # None: it is not


def measured(
    excess: Excess, limits: Limits, now_s: float, rss_bytes: int, cpu_percent: float | None
) -> tuple[Excess, Renew | None]:
    """The excess after one more sample, and what is to be done; `now_s` on a clock nobody sets."""
    memory = limits.max_memory_bytes is not None and rss_bytes > limits.max_memory_bytes
    count = excess.memory_count + 1 if memory else 0
    most = limits.max_cpu_percent
    busy = most is not None and cpu_percent is not None and cpu_percent > most
    since_s = (now_s if excess.cpu_since_s is None else excess.cpu_since_s) if busy else None
    after = Excess(count, since_s)
    if count >= SAMPLES and limits.max_memory_bytes is not None:
        allowed = limits.max_memory_bytes / _MIB
        why = f"uses {rss_bytes / _MIB:.1f} MiB of memory, allowed are {allowed:.1f} MiB"
        return after, Renew("memory-limit", why)
    if since_s is not None and now_s - since_s >= limits.max_cpu_for_s:
        why = f"has used more than {most:g}% of a core for {limits.max_cpu_for_s:g} s"
        return after, Renew("cpu-limit", why)
    return after, None
