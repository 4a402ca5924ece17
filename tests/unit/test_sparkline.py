"""Sparklines: a bar for what was, a gap for what was not."""

from __future__ import annotations

import pytest

from tsm.view.sparkline import Span, interval_s, sparkline


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([0.0, 0.0], "▁▁", id="all 0"),
        pytest.param([0.0, 3.5, 7.0], "▁▅█", id="from 0 to the largest"),
        pytest.param([5.0, None, 5.0], "█ █", id="a gap"),
    ],
)
def test_bars_are_relative_to_the_largest(values: list[float | None], expected: str) -> None:
    assert sparkline(values) == expected


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        pytest.param(Span(0, 400, 4, 60), [1.0, 2.0, None, 4.0], id="a sample a column, and a gap"),
        pytest.param(Span(0, 400, 2, 60), [1.5, 4.0], id="several are their mean"),
        pytest.param(
            Span(0, 400, 8, 100),
            [None, 1.0, 1.0, 2.0, 2.0, 2.0, None, 4.0],
            id="fine columns: what lies between two samples is no gap",
        ),
    ],
)
def test_a_column_without_samples_is_a_gap(span: Span, expected: list[float | None]) -> None:
    points = [(60.0, 1.0), (160.0, 2.0), (360.0, 4.0)]
    assert span.means(points) == expected


def test_the_interval_is_the_usual_one() -> None:
    assert interval_s([0.0, 60.0, 121.0, 180.0, 900.0]) == 61.0
    assert interval_s([5.0]) == 0.0
