"""How available a process was: pure arithmetic over its events and samples."""

from __future__ import annotations

from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Event = Mapping[str, Any]

_BEGINS = ("start", "restart")
_ENDS = ("exit", "crash", "stop")
_TROUBLES = ("unhealthy", "memory-limit", "cpu-limit")  # a restart that follows is a failure


class Window(Record):
    """The time that is looked at, and what is known of it beside the events."""

    since_s: float
    until_s: float  # now
    seen_s: Sequence[float] = ()  # when the process was seen up, ascending: its samples
    living: bool = True  # whether the child of a run that has no end yet lives
    rests_after: Sequence[str] = ()  # the ends ("exit", "crash") that no restart is to follow


class Life(Record):
    """One run as the events tell it, and the time that follows it."""

    begin_s: float
    end_s: float
    failed: bool  # it ended, and should not have
    next_s: float  # when the next one began, or the process was no longer wanted up, or now
    counts: bool  # whether it was to be up between end_s and next_s


class Availability(Record):
    """What a report says of the events of one process."""

    since_s: float | None  # where the window begins: not before the first start; None: no run
    up_s: float
    down_s: float  # that it was to be up, and was not
    restarts: int
    crashes: int
    failures: int  # crashes, and restarts because of its health or its limits

    @property
    def uptime_percent(self) -> float | None:
        """Of the time that it was to be up; None if that is no time at all."""
        whole_s = self.up_s + self.down_s
        return round(100.0 * self.up_s / whole_s, 3) if whole_s > 0 else None

    @property
    def mtbf_s(self) -> float | None:
        """Seconds that it was up for each failure; None without one."""
        return round(self.up_s / self.failures, 3) if self.failures else None


def availability(events: Sequence[Event], window: Window) -> Availability:
    """What became of a process in the window; `events` are its whole history, oldest first.

    Time counts while the process was to be up: not before its first start, from a stop by
    command to the next start, after an end that no restart is to follow, or while deleted.
    """
    begins_s = [float(event["time"]) for event in events if event["event"] in _BEGINS]
    if not begins_s or min(begins_s) > window.until_s:
        return Availability(None, 0.0, 0.0, 0, 0, 0)
    since_s = max(window.since_s, min(begins_s))
    lives = _lives(events, window)

    def inside(begin_s: float, end_s: float) -> float:
        return max(0.0, float(min(end_s, window.until_s) - max(begin_s, since_s)))

    within = [event["event"] for event in events if since_s <= event["time"] <= window.until_s]
    return Availability(
        since_s=since_s,
        up_s=sum(inside(one.begin_s, one.end_s) for one in lives),
        down_s=sum(inside(one.end_s, one.next_s) for one in lives if one.counts),
        restarts=within.count("restart"),
        crashes=within.count("crash"),
        failures=sum(one.failed and one.end_s >= since_s for one in lives),
    )


def quantiles(values: Sequence[float]) -> tuple[float, float, float] | None:
    """The median, the 95th percentile (nearest rank) and the largest; None of none."""
    if not values:
        return None
    ranked = sorted(values)
    p50, p95 = (ranked[-(-len(ranked) * part // 100) - 1] for part in (50, 95))
    return p50, p95, ranked[-1]


def _lives(events: Sequence[Event], window: Window) -> list[Life]:
    """Every run of which there is a trace, oldest first."""
    begins = [place for place, event in enumerate(events) if event["event"] in _BEGINS]
    return [
        _life(events[place:stop], events[stop] if stop < len(events) else None, window)
        for place, stop in zip(begins, [*begins[1:], len(events)], strict=True)
    ]


def _life(own: Sequence[Event], following: Event | None, window: Window) -> Life:
    """The run that begins with the first of `own`, the events up to the `following` begin."""
    begin_s = own[0]["time"]
    end = next((event for event in own if _ends(event, own[0])), None)
    next_s = following["time"] if following is not None else window.until_s
    end_s = min(max(begin_s, _end_s(own[0], end, next_s, window)), window.until_s)
    after = own[own.index(end) + 1 :] if end is not None else own[1:]
    rest_s = next((one["time"] for one in after if one["event"] in ("stop", "delete")), next_s)
    failed, counts = _verdict(own, end, following, window)
    if end is not None and any(one["event"] == "errored" for one in after):
        counts = True
    return Life(begin_s, end_s, failed, max(end_s, rest_s), counts)


def _verdict(
    own: Sequence[Event], end: Event | None, following: Event | None, window: Window
) -> tuple[bool, bool]:
    """Whether the run failed, and whether it should have gone on after its `end`."""
    if end is None:  # its end was lost, or it goes on, or nobody has taken note of it yet
        return False, following is None
    if end["event"] != "stop":
        resting = end["event"] in window.rests_after
        rebooted = end.get("reason") == "reboot" and "crash" not in window.rests_after
        return end["event"] == "crash", rebooted or not resting
    again = following is not None and following["event"] == "restart"
    troubled = again and _trouble(own[: own.index(end)])
    return troubled, troubled


def _ends(event: Event, begin: Event) -> bool:
    """Whether the event is the end of the run, not the stop of one that has ended before."""
    return event["event"] in _ENDS and "code" in event and event.get("run") == begin.get("run")


def _end_s(begin: Event, end: Event | None, next_s: float, window: Window) -> float:
    """When the run ended. Events are written later, and a clock may have been set meanwhile."""
    if end is None:
        if next_s == window.until_s and window.living:
            return window.until_s
        return _last_seen_s(begin["time"], next_s, window)
    if end.get("reason") == "reboot":
        return _last_seen_s(begin["time"], end["time"], window)
    uptime_s = end.get("uptime_s")
    if isinstance(uptime_s, int | float):
        return float(begin["time"] + uptime_s)
    return float(end["time"])


def _last_seen_s(begin_s: float, until_s: float, window: Window) -> float:
    """When a run whose end nobody saw was last seen; without a sample, when that was noticed."""
    from bisect import bisect_right

    place = bisect_right(window.seen_s, until_s)
    last_s = window.seen_s[place - 1] if place else begin_s
    return last_s if last_s > begin_s else until_s


def _trouble(events: Sequence[Event]) -> bool:
    """Whether the run was in trouble when it ended: it was not healthy again since."""
    words = [event["event"] for event in events if event["event"] in (*_TROUBLES, "healthy")]
    return bool(words) and words[-1] != "healthy"
