"""The benchmark's table says what was measured."""

from __future__ import annotations

import pytest

from lab.budget import AtMost
from lab.table import Measured, Row, as_markdown, cells, updated

TIME = Row("time", "time that it takes", "ms", AtMost(0.1, "<= 100 ms"))
SPEED = Row("speed", "speed", "MB/s")
LOST = Row("lost", "lines lost", "lines", AtMost(0, "0"))


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        pytest.param(
            Measured(TIME, {"tsm": 0.05, "pm2": 0.1, "runit": 0.002}, {}),
            ["50.0", "100", "-", "2.00", "0.50", "25.00", "<= 100 ms", "yes"],
            id="less is better",
        ),
        pytest.param(
            Measured(SPEED, {"tsm": 9e8, "pm2": 1e8, "supervisor": 3e8}, {}),
            ["900", "100", "300", "-", "9.00", "3.00", "-", "-"],
            id="more is better",
        ),
        pytest.param(
            Measured(LOST, {"tsm": 0, "pm2": 1234, "runit": 0}, {}),
            ["0", "1234", "-", "0", "0.00", "-", "0", "yes"],
            id="nothing cannot be divided by",
        ),
        pytest.param(
            Measured(LOST, {"tsm": 1}, {}),
            ["1", "-", "-", "-", "-", "-", "0", "NO"],
            id="one line is too many",
        ),
    ],
)
def test_a_row(result: Measured, shown: list[str]) -> None:
    assert cells(result)[2:] == shown


def test_measured_rows_are_put_into_a_text_that_has_them() -> None:
    old = [Measured(row, {"tsm": 0.2, "pm2": 0.4}, {}) for row in (TIME, SPEED)]
    new = [Measured(row, {"tsm": 0.1, "pm2": 0.5}, {}) for row in (TIME, LOST)]
    text = f"# Title\n\n{as_markdown(old, [])}\nthe speed | of light\n"
    row = " | ".join(["| time that it takes", *cells(new[0])[1:]]) + " |"
    assert updated(text, new) == text.replace(text.splitlines()[4], row)
    assert updated(text, []) == text
