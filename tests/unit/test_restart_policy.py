"""What follows an exit: a table, and a life simulated."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tsm.model import Exit, Rest, Start
from tsm.policy.restart import after_exit, counted, crowded_runs, ok, outcome, short_runs
from tsm.spec import Restart

NOW = 1_000_000.0


def ends(*uptimes_s: float, code: int | None = 1, apart_s: float = 100.0) -> list[Exit]:
    """Ends of runs that lasted so long, oldest first, the last one now."""
    count = len(uptimes_s)
    return [
        Exit(NOW - apart_s * (count - 1 - place), uptime_s, code)
        for place, uptime_s in enumerate(uptimes_s)
    ]


def crowd(count: int) -> list[Exit]:
    """Long runs, a second each, one right after the other."""
    return ends(*[1.0] * count, apart_s=1.0)


SHORT, LONG = 0.5, 1.0
FAILURE = Restart("on-failure")


@pytest.mark.parametrize(
    ("rule", "exits", "expected"),
    [
        pytest.param(Restart(), ends(LONG), Start(NOW, "exited with 1"), id="long run: at once"),
        pytest.param(
            Restart(),
            ends(SHORT),
            Start(NOW + 1, "1st short run, exited with 1"),
            id="1st short: 1 s",
        ),
        pytest.param(
            Restart(),
            ends(*[SHORT] * 2),
            Start(NOW + 2, "2nd short run, exited with 1"),
            id="2nd: 2 s",
        ),
        pytest.param(
            Restart(),
            ends(*[SHORT] * 3),
            Start(NOW + 4, "3rd short run, exited with 1"),
            id="3rd: 4 s",
        ),
        pytest.param(
            Restart(), ends(*[SHORT] * 6), Start(NOW + 32, "6th short run, exited with 1"), id="6th"
        ),
        pytest.param(
            Restart(),
            ends(*[SHORT] * 7),
            Start(NOW + 60, "7th short run, exited with 1"),
            id="never over 60 s",
        ),
        pytest.param(
            Restart(),
            ends(*[SHORT] * 16),
            Start(NOW + 60, "16th short run, exited with 1"),
            id="16 are retried",
        ),
        pytest.param(
            Restart(),
            ends(*[SHORT] * 17),
            Rest("errored", "17 short runs in a row, the last exited with 1"),
            id="the 17th is the last",
        ),
        pytest.param(
            Restart(),
            ends(*[SHORT] * 16, LONG, SHORT),
            Start(NOW + 1, "1st short run, exited with 1"),
            id="a long run in between begins the count anew",
        ),
        pytest.param(
            Restart(max_retries=0),
            ends(SHORT),
            Rest("errored", "1 short run in a row, the last exited with 1"),
            id="no retries",
        ),
        pytest.param(
            Restart(max_retries=0), ends(LONG), Start(NOW, "exited with 1"), id="not a retry"
        ),
        pytest.param(
            Restart(min_uptime_s=0),
            ends(*[0.0] * 30),
            Start(NOW, "exited with 1"),
            id="without min_uptime no run is short",
        ),
        pytest.param(
            Restart(delay_s=0),
            ends(*[SHORT] * 9),
            Start(NOW, "9th short run, exited with 1"),
            id="no delay",
        ),
        pytest.param(
            Restart(delay_s=90),
            ends(SHORT),
            Start(NOW + 60, "1st short run, exited with 1"),
            id="max_delay rules",
        ),
        pytest.param(
            Restart(max_retries=1000, max_delay_s=86400),
            ends(*[SHORT] * 1000),
            Start(NOW + 86400, "1000th short run, exited with 1"),
            id="no overflow",
        ),
        pytest.param(Restart(), crowd(5), Start(NOW, "exited with 1"), id="5 ends in a minute"),
        pytest.param(
            Restart(),
            crowd(6),
            Start(NOW + 1, "many runs within a minute, exited with 1"),
            id="6 ends: 1 s",
        ),
        pytest.param(
            Restart(),
            crowd(8),
            Start(NOW + 4, "many runs within a minute, exited with 1"),
            id="8 ends: 4 s",
        ),
        pytest.param(
            Restart(max_retries=0),
            crowd(30),
            Start(NOW + 60, "many runs within a minute, exited with 1"),
            id="not errored",
        ),
        pytest.param(Restart(), ends(LONG, code=0), Start(NOW, "exited with 0"), id="always"),
        pytest.param(
            Restart("unless-stopped"), ends(LONG, code=0), Start(NOW, "exited with 0"), id="unless"
        ),
        pytest.param(FAILURE, ends(LONG, code=0), Rest("completed", "exited with 0"), id="success"),
        pytest.param(FAILURE, ends(LONG, code=1), Start(NOW, "exited with 1"), id="failure"),
        pytest.param(
            FAILURE,
            ends(LONG, code=None),
            Start(NOW, "ended with an unknown exit code"),
            id="unknown is failure",
        ),
        pytest.param(
            Restart("on-failure", success_codes=(3,)),
            ends(LONG, code=0),
            Start(NOW, "exited with 0"),
            id="0 is failure where it is not among the success codes",
        ),
        pytest.param(
            Restart("on-failure", success_codes=(0, 143)),
            ends(LONG, code=143),
            Rest("completed", "killed by SIGTERM"),
            id="a signal may be success",
        ),
        pytest.param(
            FAILURE,
            ends(*[SHORT] * 20, code=0),
            Rest("completed", "exited with 0"),
            id="success wins",
        ),
        pytest.param(Restart("no"), ends(LONG), Rest("stopped", "exited with 1"), id="no: failure"),
        pytest.param(
            Restart("no"), ends(LONG, code=0), Rest("completed", "exited with 0"), id="no: success"
        ),
        pytest.param(
            Restart("no"),
            ends(*[SHORT] * 20),
            Rest("stopped", "exited with 1"),
            id="no: not errored",
        ),
    ],
)
def test_after_exit(rule: Restart, exits: list[Exit], expected: Start | Rest) -> None:
    assert after_exit(rule, exits) == expected


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "exited with 0"),
        (128, "exited with 128"),
        (129, "killed by SIGHUP"),
        (137, "killed by SIGKILL"),
        (139, "killed by SIGSEGV"),
        (143, "killed by SIGTERM"),
        (168, "killed by signal 40"),
        (192, "killed by signal 64"),
        (193, "exited with 193"),  # there is no signal 65
        (255, "exited with 255"),
        (None, "ended with an unknown exit code"),
    ],
)
def test_outcome(code: int | None, text: str) -> None:
    assert outcome(Exit(NOW, 1.0, code)) == text


def test_unknown_code_is_no_success_whatever_counts_as_one() -> None:
    assert not ok(Restart(success_codes=tuple(range(256))), Exit(NOW, 1.0, None))


@given(
    rule=st.builds(
        Restart,
        when=st.sampled_from(["always", "on-failure", "unless-stopped", "no"]),
        max_retries=st.integers(0, 1000),
        min_uptime_s=st.floats(0, 86400),
        delay_s=st.floats(0, 86400),
        max_delay_s=st.floats(0, 86400),
        success_codes=st.lists(st.integers(0, 255)).map(tuple),
    ),
    exits=st.lists(
        st.builds(
            Exit,
            time_s=st.floats(NOW - 1e6, NOW + 1e6),  # the clock may have been set
            uptime_s=st.floats(0, 1e6),
            code=st.none() | st.integers(0, 255),
        ),
        min_size=1,
        max_size=30,
    ),
)
def test_decision_is_within_bounds_whatever_the_past(rule: Restart, exits: list[Exit]) -> None:
    match after_exit(rule, exits):
        case Start(at_s=at_s):
            assert exits[-1].time_s <= at_s <= exits[-1].time_s + rule.max_delay_s
            assert rule.when != "no"
        case Rest(status=status):
            assert status in ("completed", "stopped", "errored")
    kept = counted(rule, exits)
    assert list(kept) == exits[len(exits) - len(kept) :]


@given(
    rule=st.builds(
        Restart,
        max_retries=st.integers(0, 30),
        min_uptime_s=st.sampled_from([0.0, 1.0, 5.0]),
        delay_s=st.sampled_from([0.0, 0.01, 0.1, 1.0, 10.0]),
        max_delay_s=st.sampled_from([0.0, 1.0, 60.0, 3600.0]),
    ),
    uptimes_s=st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0, 20.0, 100.0]), max_size=60),
)
@example(rule=Restart(min_uptime_s=0.0, delay_s=0.01), uptimes_s=[0.0] * 30)
def test_what_is_kept_of_the_past_decides_as_the_whole_past_would(
    rule: Restart, uptimes_s: list[float]
) -> None:
    whole: list[Exit] = []
    kept: tuple[Exit, ...] = ()
    begin_s = NOW
    for uptime_s in uptimes_s:
        end = Exit(begin_s + uptime_s, uptime_s, 1)
        whole.append(end)
        decision = after_exit(rule, [*kept, end])
        assert decision == after_exit(rule, whole)
        if isinstance(decision, Rest):
            return
        kept = counted(rule, [*kept, end])
        begin_s = decision.at_s


def test_what_is_kept_of_the_past_is_little() -> None:
    for exits in (crowd(1000), ends(*[LONG] * 1000), ends(*[SHORT] * 1000)):
        assert len(counted(Restart(), exits)) <= 40
    assert counted(Restart(), ()) == ()


def test_counts() -> None:
    assert short_runs(Restart(), ends(SHORT, LONG, SHORT, SHORT)) == 2
    assert crowded_runs(crowd(5)) == 0
    assert crowded_runs(crowd(9)) == 4
    assert crowded_runs(ends(*[LONG] * 9, apart_s=60.0)) == 0
