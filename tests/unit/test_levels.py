"""How severe a line is, by what programs write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.policy.levels import LEVELS, at_least, fields, level_of


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ('{"level":"warn","msg":"x"}', "warn"),
        ('  {"severity": "ERROR"}', "error"),
        ('{"level":40}', "warn"),  # pino and bunyan
        ('{"level":60}', "fatal"),
        ('{"level":7}', None),
        ('{"level":true}', None),
        ('{"level":null,"msg":"ERROR"}', None),
        ('{"msg":"ERROR"}', None),  # a text that speaks of one is not one
        ('{"level":"error"', None),
        ('{"log.level":"Information"}', "info"),
        ("time=2026-11-20 level=warning msg=x", "warn"),
        ('ts=1 lvl="dbug" msg=x', None),
        ("lvl=dbg msg=x", "debug"),
        ("[WARN] low on space", "warn"),
        ("2026-11-20 [error] 7#7: *1 open() failed", "error"),  # nginx
        ("[Fri Nov 20] [core:crit] [pid 7] x", "fatal"),  # Apache
        ("WARNING:root:low on space", "warn"),  # Python
        ("2026-11-20 12:00:00,123 - app - CRITICAL - gone", "fatal"),
        ("2026-11-20 12:00:00.123 UTC [7] FATAL:  no such role", "fatal"),  # PostgreSQL
        ("warning: unused variable", "warn"),
        ("npm ERR! code 1", "error"),
        ("TypeError: x is not a function", "error"),
        ("java.lang.IllegalStateException: x", "error"),
        ("Error", "error"),
        ("E1120 12:00:00.123456 7 main.go:1] x", "error"),  # glog
        ("I1120 12:00:00.123456 7 main.go:1] x", "info"),
        ("\x1b[33mWARN\x1b[0m low", "warn"),
        ("an error was avoided", None),
        ("GET /ERROR/INFO.html 200", None),
        ("INFORMATION", "info"),
        ("INFORMED", None),
        ("x" * 300 + " ERROR", None),
        ("", None),
    ],
)
def test_levels_are_recognised_in_the_common_forms(line: str, level: str | None) -> None:
    data = line.encode()
    assert level_of(data, fields(data)) == level


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_lets_itself_pass_and_what_is_more_severe(level: str) -> None:
    passes = [one for one in LEVELS if at_least(level)(f"[{one}] x".encode())]
    assert passes == list(LEVELS[LEVELS.index(level) :])
    assert not at_least(level)(b"says nothing")


@given(st.binary())
def test_any_bytes_have_a_level_or_none(line: bytes) -> None:
    assert level_of(line, fields(line)) in {None, *LEVELS}


@pytest.mark.parametrize("line", [b"[1]", b"7", b"{", b'{"a":' * 100_000, b"{\xff}", b"null"])
def test_what_is_no_json_object_has_no_fields(line: bytes) -> None:
    assert fields(line) is None
