"""When a schedule wants something done: a job run, a run renewed."""

from __future__ import annotations

from tsm.model import Rest, Start
from tsm.policy.schedule import next_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.spec import Schedule

LATE_S = 90.0  # a patrol from cron may be so late: that is not missed yet


def next_run(
    schedule: Schedule, last: tuple[float, float] | None, armed_s: float, now_s: float
) -> Start | Rest:
    """When the job runs next, its last run having begun and ended at `last`.

    A time within the last run is made up for once it has ended if overlaps are queued, else
    passed over. One that nobody was there for is made up for once, or passed over.
    """
    job = schedule.job or ""
    began_s, ended_s = last or (armed_s, armed_s)
    from_s = max(began_s if schedule.overlap == "queue" else ended_s, armed_s)
    from_s = min(from_s, now_s)  # the clock may have been set back
    due_s = next_time(job, from_s, schedule.timezone)
    if due_s is not None and due_s + LATE_S < now_s and not _makes_up(schedule, due_s, ended_s):
        due_s = next_time(job, now_s - LATE_S, schedule.timezone)
    if due_s is None:
        return Rest("completed", f"the schedule {job!r} names no time to come")
    return Start(due_s, f"scheduled {job!r}")


def renewal(schedule: Schedule, began_s: float) -> tuple[float, str] | None:
    """When a run that began then is to be replaced by the next, and why; None: never."""
    expression = schedule.cron_restart
    why = "restart due"
    if schedule.job is not None and schedule.overlap == "kill":
        expression, why = schedule.job, "the next run is due"
    if expression is None:
        return None
    due_s = next_time(expression, began_s, schedule.timezone)
    return None if due_s is None else (due_s, f"{why}, scheduled {expression!r}")


def _makes_up(schedule: Schedule, due_s: float, ended_s: float) -> bool:
    """Whether a time that has passed leads to a run all the same."""
    return schedule.run_missed or (schedule.overlap == "queue" and due_s <= ended_s)
