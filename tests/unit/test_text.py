"""Text for people: what it says is right, lines up, and does nothing to a terminal."""

from __future__ import annotations

import re
import unicodedata
from argparse import ArgumentTypeError
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.errors import Usage
from tsm.policy.settings import SETTINGS
from tsm.view import text
from tsm.view.arguments import moment, seconds
from tsm.view.events import sentence

NOON_S = datetime(2020, 1, 1, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("seconds_", "shown"),
    [
        (None, ""),
        (0, "0s"),
        (0.9, "0s"),
        (59.999, "59s"),
        (60, "1m"),
        (3599.9, "59m"),
        (3600, "1h"),
        (86399, "23h"),
        (86400, "1d"),
        (400 * 86400, "400d"),
    ],
)
def test_a_duration_is_one_unit(seconds_: float | None, shown: str) -> None:
    assert text.duration(seconds_) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, ""),
        (0, "0B"),
        (512, "512B"),
        (999, "999B"),
        (1000, "1.0K"),
        (1024, "1.0K"),
        (10035, "9.8K"),
        (102_400, "100K"),
        (45_193_625, "43.1M"),
        (1_288_490_189, "1.2G"),
        (102_348, "99.9K"),
        (102_349, "100K"),
        (1_023_487, "999K"),
        (1_023_488, "1.0M"),
        (2**40, "1.0T"),
        (2**50, "1024.0T"),
    ],
)
def test_a_size_is_a_power_of_1024(count: int | None, shown: str) -> None:
    assert text.size(count) == shown


@given(st.integers(0, 2**45))
def test_a_size_is_short_and_near(count: int) -> None:
    shown = text.size(count)
    assert len(shown) <= 5
    value = float(shown[:-1]) * 1024.0 ** "BKMGT".index(shown[-1])
    assert abs(value - count) <= 0.06 * max(count, 1)


cells = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=8)
tables = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)


@given(rows=tables, data=st.data())
def test_columns_line_up(rows: list[list[str]], data: st.DataObject) -> None:
    heads = [f"H{number}" for number in range(len(rows[0]))]
    right = data.draw(st.lists(st.sampled_from(heads), unique=True))
    painted = data.draw(st.integers(0, len(heads) - 1))
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    coloured = [
        [text.painted(cell, "31", colour=i == painted) for i, cell in enumerate(row)]
        for row in rows
    ]
    shown = text.table(heads, coloured, right).splitlines()
    assert len(shown) == len(rows) + 1
    for line, row in zip(shown, [heads, *rows], strict=True):
        plain = re.sub(r"\x1b\[[0-9]*m", "", line)
        expected = "  ".join(
            cell.rjust(width) if head in right else cell.ljust(width)
            for cell, width, head in zip(row, widths, heads, strict=True)
        )
        assert plain.rstrip() == expected.rstrip()
        assert plain == plain.rstrip() or line.endswith("\x1b[0m")


def test_a_table_without_rows_is_its_heads() -> None:
    assert text.table(["ID", "Name"], [], ["ID"]) == "ID  Name\n"


def test_a_table_has_no_spaces_at_the_ends_of_lines() -> None:
    assert text.table(["A", "Name"], [["1", "x"], ["22", "longer"]], ["A"]) == (
        " A  Name\n 1  x\n22  longer\n"
    )


@given(st.text(st.characters()))
def test_what_is_printable_does_nothing_to_a_terminal(raw: str) -> None:
    shown = text.printable(raw)
    assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in shown)
    shown.encode()
    assert len(shown.splitlines()) <= 1


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_what_is_printable_already_is_left_alone(raw: str) -> None:
    assert text.printable(raw) == raw


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("caf\u00e9 \u2603", "caf\u00e9 \u2603"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\tb\nc\0", "a\\tb\\nc\\x00"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("\udcff", "\\udcff"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
    ],
)
def test_what_is_not_printable_is_escaped(raw: str, shown: str) -> None:
    assert text.printable(raw) == shown


def test_cells_of_a_table_do_nothing_to_a_terminal_but_for_its_colours() -> None:
    rows = [["nl\nx", text.painted("a\x1b[2J", "31", colour=True)], ["\x1b[31m\udcff", "b"]]
    assert text.table(["Name", "Word"], rows, []).splitlines() == [
        "Name            Word",
        "nl\\nx           \x1b[31ma\\x1b[2J\x1b[0m",
        "\\x1b[31m\\udcff  b",
    ]


def test_colours_are_added_only_where_they_are_wanted() -> None:
    assert text.status("online", colour=False) == "online"
    assert text.status("online", colour=True) == "\x1b[32monline\x1b[0m"
    assert text.status("errored", colour=True) != text.status("online", colour=True)
    assert text.prefix("web", 0, colour=False) == "web"
    assert text.prefix("web", 0, colour=True) != text.prefix("web", 1, colour=True)
    assert text.prefix("web", 999, colour=True).endswith("mweb\x1b[0m")


# Times as they are typed.


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("0", 0.0),
        ("10", 10.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("500ms", 0.5),
        ("10s", 10.0),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("0.5d", 43200.0),
    ],
)
def test_a_time_has_a_unit_or_is_in_seconds(typed: str, expected: float) -> None:
    assert seconds(typed) == expected


@pytest.mark.parametrize(
    "typed",
    ["", "s", "ms", ".", ".s", "-1", "+1", "1 s", "1e3", "1_000", "nan", "inf", "1w", "1mm"],
)
def test_nonsense_is_no_time(typed: str) -> None:
    with pytest.raises(ArgumentTypeError, match="not a time"):
        seconds(typed)


@given(st.text(max_size=6))
def test_any_text_is_a_time_or_refused(typed: str) -> None:
    with suppress(ArgumentTypeError):
        assert seconds(typed) >= 0.0


@pytest.mark.parametrize(
    ("typed", "expected_s"),
    [
        ("10m", NOON_S - 600),
        ("0", NOON_S),
        ("2019-12-31", NOON_S - 36 * 3600),
        ("2020-01-01T11:59", NOON_S - 60),
        ("2020-01-01 11:59:30", NOON_S - 30),
        ("2020-01-01T13:00+02:00", NOON_S - 3600),
        ("2020-01-01T12:00:00Z", NOON_S),
        ("1577880000.5", NOON_S + 0.5),  # as `logs --json` has it
    ],
)
def test_a_moment_is_so_long_ago_or_a_date_of_utc(
    typed: str, expected_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert moment(typed, NOON_S) == expected_s


@given(st.text(max_size=12))
def test_any_text_is_a_moment_or_refused(typed: str) -> None:
    with suppress(Usage):
        moment(typed, NOON_S)


# Events as people read them.


def test_an_event_is_a_line() -> None:
    event = {
        "time": NOON_S + 0.123,
        "event": "crash",
        "name": "web",
        "run": "0123456789abcdef",
        "code": 137,
        "uptime_s": 200.0,
        "signal": "SIGKILL",
        "killed": ["sh (pid 7)", "node (pid 8)"],
    }
    assert sentence(event, colour=False) == (
        "2020-01-01 12:00:00.123  crash         web  "
        "code=137 signal=SIGKILL killed=sh (pid 7),node (pid 8) uptime=3m"
    )


def test_an_exit_code_that_nobody_saw_is_unknown() -> None:
    event = {"time": NOON_S, "event": "crash", "name": "web", "code": None}
    assert sentence(event, colour=False).endswith("  code=unknown")


finite = st.floats(allow_nan=False, allow_infinity=False)  # JSON has no others
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(
    time_s=st.integers() | finite,
    event=st.text(max_size=9),
    name=st.text(max_size=9),
    facts=st.dictionaries(st.sampled_from(["code", "uptime_s", "killed", "later"]), json_values),
    changed=st.dictionaries(st.sampled_from([*SETTINGS, "env.A"]), st.lists(json_values)),
)
def test_any_event_is_one_line_that_does_nothing_to_a_terminal(
    time_s: float, event: str, name: str, facts: dict[str, object], changed: dict[str, object]
) -> None:
    head = {"time": time_s, "event": event, "name": name}
    shown = sentence({**head, **facts, "changed": changed}, colour=False)
    assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in shown)
    assert len(shown.splitlines()) == 1


def test_a_change_of_settings_shows_old_and_new() -> None:
    event = {"time": 0, "event": "set", "name": "web", "changed": {"nice": [None, 5], "a": 1}}
    assert sentence(event, colour=False).endswith("web  changed=nice: not set -> 5, a: 1")
