"""Uptime and failures from a journal: a table of lives, in a window from 1000 s to 2000 s."""

from __future__ import annotations

from typing import Any

import pytest

from tsm.policy.availability import Window, availability, quantiles
from tsm.record import changed

WINDOW = Window(since_s=1000.0, until_s=2000.0)
DEAD = changed(WINDOW, living=False)
RESTS = changed(WINDOW, rests_after=("exit",))
JOB = changed(WINDOW, rests_after=("exit", "crash"))


def begin(time_s: float, run: str, event: str = "start") -> dict[str, Any]:
    """A run begins."""
    return {"time": time_s, "event": event, "name": "web", "run": run, "pid": 1}


def end(time_s: float, run: str, uptime_s: float, event: str = "crash") -> dict[str, Any]:
    """It ends, and that is noticed then."""
    told = {"time": time_s, "event": event, "name": "web", "run": run}
    return {**told, "code": 1, "uptime_s": uptime_s}


def rebooted(time_s: float, run: str, uptime_s: float) -> dict[str, Any]:
    """Its end is noticed after a reboot."""
    return {**end(time_s, run, uptime_s, "exit"), "code": None, "reason": "reboot"}


def other(time_s: float, event: str, run: str = "a") -> dict[str, Any]:
    """Something else happens."""
    return {"time": time_s, "event": event, "name": "web", "run": run}


RESTARTED = [begin(0, "a"), end(1500, "a", 1500, "stop"), begin(1600, "b", "restart")]


@pytest.mark.parametrize(
    ("events", "window", "expected"),
    [
        pytest.param([], WINDOW, (0, 0, 0, 0), id="never started"),
        pytest.param([begin(0, "a")], WINDOW, (1000, 0, 0, 0), id="began before, runs on"),
        pytest.param([begin(1500, "a")], WINDOW, (500, 0, 0, 0), id="first started within"),
        pytest.param([begin(2500, "a")], WINDOW, (0, 0, 0, 0), id="a clock was set back since"),
        pytest.param(
            [begin(0, "a"), end(500, "a", 500), begin(600, "b", "restart")],
            WINDOW,
            (1000, 0, 0, 0),
            id="crashed and restarted before",
        ),
        pytest.param(
            [begin(0, "a"), end(1500, "a", 1500), begin(1600, "b", "restart")],
            WINDOW,
            (900, 100, 1, 1),
            id="a crash, down until the restart",
        ),
        pytest.param(
            [begin(0, "a"), end(1600, "a", 1500), begin(1600, "b", "restart")],
            WINDOW,
            (900, 100, 1, 1),
            id="a crash that was noticed late",
        ),
        pytest.param(
            [begin(0, "a"), end(1500, "a", 1500), other(1500, "errored"), other(1800, "stop")],
            WINDOW,
            (500, 300, 0, 1),
            id="given up, then stopped by command",
        ),
        pytest.param(
            [begin(0, "a"), end(500, "a", 500)], WINDOW, (0, 1000, 0, 0), id="down since before"
        ),
        pytest.param(
            [begin(0, "a"), end(1100, "a", 1100, "stop"), begin(1900, "b")],
            WINDOW,
            (200, 0, 0, 0),
            id="stopped by command: no downtime",
        ),
        pytest.param(RESTARTED, WINDOW, (900, 0, 1, 0), id="restarted by command: none either"),
        pytest.param(
            [RESTARTED[0], other(1490, "memory-limit"), *RESTARTED[1:]],
            WINDOW,
            (900, 100, 1, 1),
            id="restarted because of a limit: a failure",
        ),
        pytest.param(
            [RESTARTED[0], other(1490, "unhealthy"), *RESTARTED[1:]],
            WINDOW,
            (900, 100, 1, 1),
            id="restarted because it was unhealthy",
        ),
        pytest.param(
            [RESTARTED[0], other(1400, "unhealthy"), other(1490, "healthy"), *RESTARTED[1:]],
            WINDOW,
            (900, 0, 1, 0),
            id="restarted by command once it was healthy again",
        ),
        pytest.param(
            [begin(0, "a"), other(1100, "unhealthy"), end(1500, "a", 1500, "stop")],
            WINDOW,
            (500, 0, 0, 0),
            id="unhealthy, and stopped by command",
        ),
        pytest.param(
            [begin(0, "a"), end(1500, "a", 1500, "exit"), begin(1560, "b", "restart")],
            WINDOW,
            (940, 60, 1, 0),
            id="success that should not end it",
        ),
        pytest.param(
            [begin(0, "a"), end(1500, "a", 1500, "exit"), begin(1900, "b", "restart")],
            RESTS,
            (600, 0, 1, 0),
            id="success that ends it",
        ),
        pytest.param(
            [begin(0, "a"), end(1500, "a", 1500), begin(1900, "b", "restart")],
            RESTS,
            (600, 400, 1, 1),
            id="a failure that does not",
        ),
        pytest.param(
            [begin(0, "a"), end(1500, "a", 1500), begin(1900, "b", "restart")],
            JOB,
            (600, 0, 1, 1),
            id="a job that fails, and is run again at its time",
        ),
        pytest.param(
            [
                *(begin(0, "a"), end(1200, "a", 1200, "stop"), other(1200, "delete")),
                *(begin(1700, "b"), end(1800, "b", 100), other(1850, "delete")),
            ],
            WINDOW,
            (300, 50, 0, 1),
            id="deleted and made anew",
        ),
        pytest.param(
            [begin(0, "a"), rebooted(1800, "a", 1800), begin(1800, "b")],
            changed(WINDOW, seen_s=(1100.0, 1500.0)),
            (700, 300, 0, 0),
            id="a reboot: up while it was seen",
        ),
        pytest.param(
            [begin(0, "a"), rebooted(1800, "a", 1800), begin(1800, "b")],
            WINDOW,
            (1000, 0, 0, 0),
            id="a reboot, and no sample tells when",
        ),
        pytest.param(
            [begin(0, "a")],
            changed(DEAD, seen_s=(1100.0, 1500.0)),
            (500, 500, 0, 0),
            id="gone, and nobody has noticed yet",
        ),
        pytest.param(
            [begin(1500, "a"), end(1400, "a", 0), begin(1400, "b", "restart")],
            WINDOW,
            (600, 0, 1, 1),
            id="the clock was set back within a run",
        ),
        pytest.param(
            [begin(0, "a"), begin(1500, "b", "restart")],
            WINDOW,
            (1000, 0, 1, 0),
            id="the line of an end was torn",
        ),
    ],
)
def test_time_up_and_down_restarts_and_failures(
    events: list[dict[str, Any]], window: Window, expected: tuple[float, float, int, int]
) -> None:
    found = availability(events, window)
    assert (found.up_s, found.down_s, found.restarts, found.failures) == expected


def test_percent_and_mean_time_between_failures() -> None:
    events = [begin(0, "a"), end(1500, "a", 1500), begin(1600, "b", "restart")]
    found = availability([*events, end(1800, "b", 200), begin(1800, "c", "restart")], WINDOW)
    assert (found.uptime_percent, found.mtbf_s, found.crashes) == (90.0, 450.0, 2)
    calm = availability([begin(0, "a")], WINDOW)
    assert (calm.uptime_percent, calm.mtbf_s, calm.since_s) == (100.0, None, 1000.0)
    assert availability([], WINDOW).uptime_percent is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([7.0], (7.0, 7.0, 7.0), id="one"),
        pytest.param([4.0, 1.0, 3.0, 2.0], (2.0, 4.0, 4.0), id="four"),
        pytest.param([float(n) for n in range(1, 101)], (50.0, 95.0, 100.0), id="a hundred"),
    ],
)
def test_quantiles_are_values_that_occurred(
    values: list[float], expected: tuple[float, float, float] | None
) -> None:
    assert quantiles(values) == expected
