"""When a job runs next, and when a run is replaced: a table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tsm.model import Rest, Start
from tsm.policy.jobs import LATE_S, next_run, renewal
from tsm.record import changed
from tsm.spec import Schedule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0
HOURLY = Schedule(job="0 * * * *", timezone="UTC")
QUEUE = changed(HOURLY, overlap="queue")
MISSED = changed(HOURLY, run_missed=True)


@pytest.mark.parametrize(
    ("schedule", "last", "armed_s", "now_s", "due_s"),
    [
        pytest.param(HOURLY, None, NOON + 1, NOON + 2, NOON + HOUR, id="armed: the next time"),
        pytest.param(HOURLY, None, NOON - 60, NOON, NOON, id="now"),
        pytest.param(HOURLY, None, NOON - 60, NOON + LATE_S, NOON, id="a little late"),
        pytest.param(
            HOURLY, (NOON, NOON + 5), NOON - 60, NOON + 6, NOON + HOUR, id="once for each time"
        ),
        pytest.param(
            HOURLY,
            (NOON, NOON + 2 * HOUR + 5),
            0.0,
            NOON + 2 * HOUR + 6,
            NOON + 3 * HOUR,
            id="times within the last run are passed over",
        ),
        pytest.param(
            QUEUE,
            (NOON, NOON + 2 * HOUR + 5),
            0.0,
            NOON + 2 * HOUR + 6,
            NOON + HOUR,
            id="or made up for once when they queue",
        ),
        pytest.param(
            HOURLY, (NOON, NOON + 5), 0.0, NOON + 9.5 * HOUR, NOON + 10 * HOUR, id="missed"
        ),
        pytest.param(
            MISSED, (NOON, NOON + 5), 0.0, NOON + 9.5 * HOUR, NOON + HOUR, id="missed: made up for"
        ),
        pytest.param(
            HOURLY, (NOON + HOUR * 5, NOON + HOUR * 6), 0.0, NOON + 9, NOON + HOUR, id="set back"
        ),
    ],
)
def test_a_job_runs_at_its_next_time(
    schedule: Schedule,
    last: tuple[float, float] | None,
    armed_s: float,
    now_s: float,
    due_s: float,
) -> None:
    assert next_run(schedule, last, armed_s, now_s) == Start(due_s, "scheduled '0 * * * *'")


def test_a_job_without_a_time_to_come_is_completed() -> None:
    never = Schedule(job="0 0 30 2 *", timezone="UTC")
    step = next_run(never, None, NOON, NOON)
    assert isinstance(step, Rest)
    assert step.status == "completed"


def test_a_run_is_replaced_at_the_first_time_after_its_begin() -> None:
    nightly = Schedule(cron_restart="0 4 * * *", timezone="UTC")
    assert renewal(nightly, NOON) == (NOON + 16 * HOUR, "restart due, scheduled '0 4 * * *'")
    kill = changed(HOURLY, overlap="kill")
    assert renewal(kill, NOON) == (NOON + HOUR, "the next run is due, scheduled '0 * * * *'")
    assert renewal(HOURLY, NOON) is None
    assert renewal(Schedule(), NOON) is None
