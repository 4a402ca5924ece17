"""When a schedule comes round: a table over the days on which the clocks change."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tsm.policy.limits import problem as problem_of
from tsm.policy.schedule import next_time, problem
from tsm.record import changed
from tsm.spec import Schedule, Spec

if TYPE_CHECKING:
    from collections.abc import Iterator

PRAGUE = "Europe/Prague"


def moment(text: str) -> float:
    """Seconds since the epoch of a time of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.fixture(params=[PRAGUE, None], ids=["named", "of the machine"])
def prague(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str | None]:
    """The zone of Prague, by its name or as that of the machine."""
    monkeypatch.setenv("TZ", "UTC" if request.param else PRAGUE)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        pytest.param("0 4 * * *", "2026-01-05T12:00", "2026-01-06T03:00", id="winter"),
        pytest.param("0 4 * * *", "2026-07-05T12:00", "2026-07-06T02:00", id="summer"),
        pytest.param("0 4 * * *", "2026-07-05T02:00", "2026-07-06T02:00", id="not the same again"),
        pytest.param("30 2 * * *", "2026-03-28T12:00", "2026-03-29T01:00", id="skipped: after it"),
        pytest.param("30 2 * * *", "2026-03-29T01:00", "2026-03-30T00:30", id="and then as usual"),
        pytest.param("*/30 * * * *", "2026-03-29T00:45", "2026-03-29T01:00", id="no half past 2"),
        pytest.param("30 2 * * *", "2026-10-24T12:00", "2026-10-25T00:30", id="twice: the first"),
        pytest.param("30 2 * * *", "2026-10-25T00:30", "2026-10-26T01:30", id="and not the second"),
        pytest.param("30 2 * * *", "2026-10-25T01:10", "2026-10-26T01:30", id="from in between"),
        pytest.param("*/30 * * * *", "2026-10-25T00:30", "2026-10-25T01:00", id="each half hour"),
        pytest.param("0 30 2 * * *", "2026-10-25T00:30", "2026-10-25T01:30", id="six: both"),
        pytest.param("*/15 * * * * *", "2026-01-05T12:00:07", "2026-01-05T12:00:15", id="seconds"),
        pytest.param("0 0 29 2 *", "2026-03-01T00:00", "2028-02-28T23:00", id="29 February"),
        pytest.param("0 0 30 2 *", "2026-03-01T00:00", None, id="30 February"),
    ],
)
def test_the_next_time_is_that_of_the_clocks_of_the_zone(
    text: str, after: str, expected: str | None, prague: str | None
) -> None:
    found = next_time(text, moment(after), prague)
    assert found == (None if expected is None else moment(expected))


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (Schedule(cron_restart="61 * * * *"), "cron-restart '61 * * * *': minute '61' makes"),
        (Schedule(job="99 0 4 * * *"), "schedule '99 0 4 * * *': second '99' makes no sense"),
        (Schedule(job="0 4 * *"), "schedule '0 4 * *': has 4 fields, not 5 or 6"),
        (Schedule(job="@daily"), "schedule '@daily': has 1 field,"),
        (Schedule(job=""), "schedule '': has 0 fields"),
        (Schedule(job="0 0 30 2 *"), "schedule '0 0 30 2 *': day-of-month '30' makes no sense"),
        (Schedule(job="* * */20 * 1L"), "schedule '* * */20 * 1L': never comes"),
        (Schedule(job="* * * * *", timezone="Mars"), "timezone 'Mars': no such time zone"),
        (Schedule(job="* * * * *", timezone="../UTC"), "timezone '../UTC': no such time zone"),
        (Schedule(job="* * * * *", overlap="both"), "overlap 'both': not one of skip, queue, kill"),
    ],
)
def test_a_bad_line_is_named_with_what_would_do(schedule: Schedule, said: str) -> None:
    what = problem(schedule)
    assert what is not None
    assert what.startswith(said)
    spec = changed(Spec(name="web", argv=("true",), command="", cwd="/"), schedule=schedule)
    assert (problem_of(spec) or "").startswith(said)


def test_a_good_one_has_no_problem() -> None:
    assert problem(Schedule()) is None
    assert problem(Schedule("0 4 * * MON-FRI", "0 */5 * * * *", timezone=PRAGUE)) is None
