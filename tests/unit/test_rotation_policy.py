"""When a log is rotated, and which rotated files go."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.model import LogFile
from tsm.policy.rotation import Rule, due, excess, expired, settled
from tsm.spec import Logs

NOW = time.mktime((2026, 11, 28, 10, 30, 0, 0, 0, -1))
HOUR = 3600.0


@pytest.mark.parametrize(
    ("rule", "size", "age_s", "why"),
    [
        (Rule(), 0, 9e9, ""),
        (Rule(), (10 << 20) - 1, 9e9, ""),
        (Rule(), 10 << 20, 0, "size"),
        (Rule(rotate="hourly"), 1, 0.4 * HOUR, ""),
        (Rule(rotate="hourly"), 1, 0.6 * HOUR, "hourly"),
        (Rule(rotate="hourly"), 0, 0.6 * HOUR, ""),
        (Rule(rotate="daily"), 1, 10.4 * HOUR, ""),
        (Rule(rotate="daily"), 1, 10.6 * HOUR, "daily"),
        (Rule(rotate="daily@10"), 1, 0.4 * HOUR, ""),
        (Rule(rotate="daily@10"), 1, 0.6 * HOUR, "daily"),
        (Rule(rotate="daily@11"), 1, 23.4 * HOUR, ""),
        (Rule(rotate="daily@11"), 1, 23.6 * HOUR, "daily"),
        (Rule(rotate="daily"), 1, -99 * HOUR, ""),  # the clock was set back
    ],
)
def test_due(rule: Rule, size: int, age_s: float, why: str) -> None:
    assert due(rule, size, NOW - age_s, NOW) == why


def file(number: int, *, stream: str = "out", size: int = 10) -> LogFile:
    """A file as many seconds old as its number."""
    return LogFile(f"/{number}.{stream}", stream, size, NOW - number)


def numbers(gone: list[tuple[LogFile, str]]) -> list[str]:
    return [one.path for one, _ in gone]


def test_the_oldest_of_each_stream_go() -> None:
    files = [file(3), file(2), file(1), file(9, stream="err"), file(8, stream="err")]
    assert numbers(expired(Rule(keep=2), files, NOW)) == ["/3.out"]
    assert numbers(expired(Rule(keep=1), files, NOW)) == ["/9.err", "/3.out", "/2.out"]
    assert numbers(expired(Rule(keep=0), files, NOW)) == [
        *("/9.err", "/8.err", "/3.out", "/2.out", "/1.out")
    ]
    assert expired(Rule(), files, NOW) == []


def test_what_is_too_old_goes_and_then_what_is_too_much() -> None:
    files = [file(300), file(200), file(100, size=50), file(50)]
    assert numbers(expired(Rule(age_s=250.0), files, NOW)) == ["/300.out"]
    gone = expired(Rule(age_s=250.0, total_bytes=60), files, NOW)
    assert [why for _, why in gone] == ["too old", "more than 60 bytes together"]
    assert numbers(gone) == ["/300.out", "/200.out"]


@given(st.lists(st.integers(0, 100), max_size=20), st.integers(0, 500))
def test_what_is_left_fits_and_no_more_goes_than_must(sizes: list[int], most: int) -> None:
    files = [file(len(sizes) - place, size=size) for place, size in enumerate(sizes)]
    gone = excess(files, most)
    assert gone == files[: len(gone)]
    assert sum(one.size for one in files[len(gone) :]) <= most
    if gone:
        assert sum(one.size for one in files[len(gone) - 1 :]) > most


def test_a_process_has_its_own_settings_over_those_for_all() -> None:
    own, common = Logs(keep=5), Logs(keep=7, rotate="hourly", compress="gzip")
    assert settled(own, common) == Rule(keep=5, rotate="hourly", compress="gzip")
    assert settled(Logs(keep=0), common).keep == 0
    assert settled(Logs(), Logs()) == Rule()
