"""What has no effect is told, with what would give it one; all else is let be."""

from __future__ import annotations

import pytest

from tests.unit.test_settings import GOOD_AND_BAD, SPEC, read
from tsm.policy.effects import NEEDS, idle, unusual
from tsm.policy.settings import SETTINGS, applied, default

OF_START = {"wait", "wait-ready"}
WATCH = {"watch": ("/srv",)}
READY, HEALTH = {"ready": "notify"}, {"health": "tcp:3000"}
HTTP = {"health": "https://localhost/"}
JOB, CRON = {"schedule": "* * * * *"}, {"cron-restart": "0 4 * * *"}
ONCE = {"restart": "no"}


def told(keys: str, **values: object) -> list[str | None]:
    """What is said of each of the keys, given with some value beside these others."""
    others = {key.replace("_", "-"): value for key, value in values.items()}
    said = []
    for key in keys.split():
        given = {key: read(key, GOOD_AND_BAD[key][1])} if key in SETTINGS else {}
        said.append(idle(applied(SPEC, {**given, **others}), [key], "--"))
    return said


@pytest.mark.parametrize(
    ("keys", "lack", "enough"),
    [
        ("ignore watch-delay", "without --watch", [WATCH]),
        ("ready-interval ready-timeout wait-ready", "without --ready", [READY]),
        ("ready-status ready-body", "without --ready", [{"ready": HTTP["health"]}]),
        ("health-interval health-timeout health-retries", "without --health", [HEALTH, HTTP]),
        ("health-start-period health-restart on-unhealthy", "without --health", [HEALTH, HTTP]),
        ("health-status health-body", "without --health", [HTTP]),
        ("max-cpu-for", "without --max-cpu", [{"max-cpu": 80.0}]),
        ("hook-timeout", "without a hook such as --pre-start", [{"on-crash": "true"}]),
        ("overlap run-missed", "without --schedule", [JOB]),
        ("timezone", "without --schedule or --cron-restart", [JOB, CRON]),
    ],
)
def test_what_is_lacking_is_named_and_enough(
    keys: str, lack: str, enough: list[dict[str, object]]
) -> None:
    assert told(keys) == [f"--{key}: has no effect {lack}" for key in keys.split()]
    for values in enough:
        assert set(told(keys, **values)) == {None}


@pytest.mark.parametrize(
    ("keys", "values", "lack"),
    [
        ("max-retries min-uptime delay max-delay retry-after", ONCE, "with --restart no"),
        ("max-retries min-uptime delay max-delay retry-after restart", JOB, "with --schedule"),
        ("wait", JOB, "with --schedule"),
        ("wait-ready", {**JOB, **READY}, "with --schedule"),
        ("health-status health-body", HEALTH, "without a --health of http"),
        ("ready-status ready-body", READY, "without a --ready of http"),
        ("out err merge-logs log-size log-rotate", {"no-logs": True}, "with --no-logs"),
        ("err", {"merge-logs": True}, "with --merge-logs"),
    ],
)
def test_what_is_in_the_way_is_named(keys: str, values: dict[str, object], lack: str) -> None:
    assert told(keys, **values) == [f"--{key}: has no effect {lack}" for key in keys.split()]


@pytest.mark.parametrize(
    ("values", "fine"),
    [
        ({"delay": 5.0, "max-delay": 1.0}, False),
        ({"delay": 61.0}, False),  # more than by default
        ({"delay": 5.0, "max-delay": 5.0}, True),
        ({"max-delay": 0.5}, True),  # less than the delay by default, which nobody asked for
    ],
)
def test_a_delay_that_is_never_had_is_told(values: dict[str, object], *, fine: bool) -> None:
    spec = applied(SPEC, values)
    assert [idle(spec, [key], "--") is None for key in values] == [fine] * len(values)
    assert idle(spec, ["nice"], "--") is None


def test_all_others_have_an_effect_by_themselves() -> None:
    needy = {key for need in NEEDS for key in need.keys}
    assert needy <= {*SETTINGS, *OF_START}
    free = {*SETTINGS, *OF_START} - {key for one in NEEDS if not one.met(SPEC) for key in one.keys}
    assert set(told(" ".join(free))) == {None}
    assert set(told("success-codes stop-timeout", **ONCE)) == {None}


def test_what_was_put_back_or_was_not_given_is_no_mistake() -> None:
    usual = applied(SPEC, {key: default(SETTINGS[key]) for key in SETTINGS})
    assert unusual(usual, SETTINGS) == []
    assert unusual(applied(SPEC, ONCE), ["delay", "restart"]) == ["restart"]
    assert idle(applied(SPEC, {"ignore": ("*.log",), "nice": 5}), ["nice"]) is None
    assert idle(applied(SPEC, {**ONCE, **JOB}), ["restart"]) is None  # as a job is
