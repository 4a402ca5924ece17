"""What a row of answers makes of a child."""

from __future__ import annotations

import pytest

from tsm.model import Answer
from tsm.policy.health import Verdict, judged
from tsm.spec import Probe

PROBE = Probe(check="tcp:3000", retries=3, start_period_s=10.0)
YES, NO = Answer(ok=True, output="HTTP 200"), Answer(ok=False, output="HTTP 503")
LOST = Answer(ok=False, output="too many open files", asked=False)


def after(*answers: tuple[float, Answer]) -> Verdict:
    verdict = Verdict()
    for uptime_s, answer in answers:
        verdict = judged(verdict, PROBE, uptime_s, answer)
    return verdict


@pytest.mark.parametrize(
    ("answers", "state", "failures", "ready"),
    [
        pytest.param([], "unknown", 0, False, id="nobody asked"),
        pytest.param([(1, NO)] * 9, "unknown", 0, False, id="start period: no failure counts"),
        pytest.param([(1, NO), (2, YES)], "healthy", 0, True, id="start period: success does"),
        pytest.param([(20, NO)] * 2, "unknown", 2, False, id="two failures are not three"),
        pytest.param([(20, NO)] * 3, "unhealthy", 3, False, id="three in a row"),
        pytest.param([(9, NO), *[(20, NO)] * 2], "unknown", 2, False, id="the first was too early"),
        pytest.param(
            [(20, YES), *[(30, NO)] * 2], "healthy", 2, True, id="healthy until the third"
        ),
        pytest.param([*[(20, NO)] * 2, (30, YES), (40, NO)], "healthy", 1, True, id="not in a row"),
        pytest.param([*[(20, NO)] * 4, (30, YES)], "healthy", 0, True, id="one success mends all"),
        pytest.param([(20, YES), *[(30, NO)] * 3], "unhealthy", 3, True, id="ready stays so"),
        pytest.param(
            [*[(20, NO)] * 2, (30, LOST)], "unknown", 2, False, id="not asked: not counted"
        ),
    ],
)
def test_verdict_after(
    answers: list[tuple[float, Answer]], state: str, failures: int, *, ready: bool
) -> None:
    verdict = after(*answers)
    assert (verdict.state, verdict.failures, verdict.ready) == (state, failures, ready)


def test_says_what_the_last_probe_said_in_one_short_printable_line() -> None:
    assert after((20, YES), (30, NO)).output == "HTTP 503"
    loud = Answer(ok=True, output="\x1b[31mred\nand \udc80 " + "x" * 600)
    output = after((20, loud)).output
    assert output.startswith("?[31mred and ? xxx")
    assert (len(output), output[-4:], output.isprintable()) == (500, "x...", True)
