"""What a process is, and what is done about it: the rows of STATUS in tsm-runtime(5)."""

from __future__ import annotations

from itertools import product

import pytest

from tsm.model import STATUSES, End, Exit, Identity, Keep, Rest, Run, Start
from tsm.policy.state import Situation, due_s, end_of, next_step, short_runs, status
from tsm.record import changed as replace
from tsm.spec import Restart

NOW = 1_000_000.0
BOOT, OTHER = "this boot", "another boot"
LAUNCHER, CHILD = Identity(BOOT, 10, 100), Identity(BOOT, 11, 101)
HEAD = Run("r", BOOT, NOW - 5, "start")  # what tsm writes before there is anybody
UP = replace(HEAD, launcher=LAUNCHER, child=CHILD, begun=True)
EXITED = replace(UP, code=3, exited=True, exit_s=NOW - 1)
SHORT = replace(EXITED, time_s=NOW - 1.5)
STOPPED = replace(EXITED, stopped=True, ended_s=NOW - 1)


def at(
    run: Run | None,
    *,
    down: str | None = None,
    alive: str = "",
    rule: Restart | None = None,
    boot: str = BOOT,
) -> Situation:
    """A moment at which those live whose first letters `alive` has: child, launcher."""
    return Situation(rule or Restart(), down, run, boot, "c" in alive, "l" in alive, NOW)


CUT_START = "a start was cut short"
UNWRITTEN = "its launcher has yet to write the exit down"
CUT_STOP = "a stop was cut short"
CUT_RESTART = "a restart was cut short"
REBOOTED = "the machine was rebooted"
ROWS = [
    # wanted down
    ("stop under way", at(UP, down="stop", alive="cl"), End(CUT_STOP), "stopping", ""),
    ("without launcher", at(UP, down="stop", alive="c"), End(CUT_STOP), "stopping", ""),
    (
        "just being launched",
        at(replace(HEAD, launcher=LAUNCHER), down="stop", alive="l"),
        End(CUT_STOP),
        "stopping",
        "",
    ),
    ("stopped", at(STOPPED, down="stop"), Rest("stopped", "by command"), "stopped", "by command"),
    ("never ran", at(None, down="stop"), Rest("stopped", "by command"), "stopped", "by command"),
    ("crashed", at(EXITED, down="stop"), Rest("stopped", "by command"), "stopped", "by command"),
    (
        "whatever down says",
        at(STOPPED, down="holidays"),
        Rest("stopped", "by command"),
        "stopped",
        "by command",
    ),
    (
        "rebooted while down",
        at(UP, down="stop", boot=OTHER),
        Rest("stopped", "by command"),
        "stopped",
        "by command",
    ),
    # a restart under way
    ("restart", at(UP, down="restart", alive="cl"), Start(NOW, CUT_RESTART), "stopping", ""),
    ("half-way", at(STOPPED, down="restart"), Start(NOW, CUT_RESTART), "waiting", CUT_RESTART),
    ("of nothing", at(None, down="restart"), Start(NOW, CUT_RESTART), "waiting", CUT_RESTART),
    (
        "even where nothing is restarted",
        at(STOPPED, down="restart", rule=Restart("no")),
        Start(NOW, CUT_RESTART),
        "waiting",
        CUT_RESTART,
    ),
    # up
    ("online", at(UP, alive="cl"), Keep("online"), "online", ""),
    ("online without launcher", at(UP, alive="c"), Keep("online"), "online", ""),
    (
        "launching",
        at(replace(HEAD, launcher=LAUNCHER), alive="l"),
        Keep("launching"),
        "launching",
        "",
    ),
    (
        "ended, and not written down yet",
        at(UP, alive="l"),
        Keep("waiting", why=UNWRITTEN),
        "waiting",
        UNWRITTEN,
    ),
    # cut short
    ("no run", at(None), Start(NOW, CUT_START), "waiting", CUT_START),
    ("no launcher", at(HEAD), Start(NOW, CUT_START), "waiting", CUT_START),
    (
        "launcher gone",
        at(replace(HEAD, launcher=LAUNCHER)),
        Start(NOW, CUT_START),
        "waiting",
        CUT_START,
    ),
    ("down is gone", at(STOPPED), Start(NOW, CUT_START), "waiting", CUT_START),
    (
        "even where nothing is restarted",
        at(STOPPED, rule=Restart("no")),
        Start(NOW, CUT_START),
        "waiting",
        CUT_START,
    ),
    # rebooted
    ("rebooted", at(UP, boot=OTHER), Start(NOW, REBOOTED), "waiting", REBOOTED),
    (
        "rebooted, not to be restarted",
        at(UP, boot=OTHER, rule=Restart("no")),
        Rest("stopped", REBOOTED),
        "stopped",
        REBOOTED,
    ),
    (
        "rebooted, success expected",
        at(UP, boot=OTHER, rule=Restart("on-failure")),
        Start(NOW, REBOOTED),
        "waiting",
        REBOOTED,
    ),
    (
        "completed before the reboot",
        at(replace(EXITED, code=0), boot=OTHER, rule=Restart("on-failure")),
        Rest("completed", "exited with 0"),
        "completed",
        "exited with 0",
    ),
    # ended
    ("crash", at(EXITED), Start(NOW - 1, "exited with 3"), "waiting", "exited with 3"),
    (
        "short run",
        at(SHORT),
        Start(NOW, "1st short run, exited with 3"),
        "waiting",
        "1st short run, exited with 3",
    ),
    (
        "second short run",
        at(replace(SHORT, past=(Exit(NOW - 3, 0.5, 3),)), alive="l"),
        Start(NOW + 1, "2nd short run, exited with 3"),
        "waiting",
        "2nd short run, exited with 3, next try in 1 s",
    ),
    (
        "nobody saw it",
        at(replace(UP, time_s=NOW - 5)),
        Start(NOW, "ended with an unknown exit code"),
        "waiting",
        "ended with an unknown exit code",
    ),
    (
        "completed",
        at(replace(EXITED, code=0), rule=Restart("no")),
        Rest("completed", "exited with 0"),
        "completed",
        "exited with 0",
    ),
    (
        "failed",
        at(EXITED, rule=Restart("no")),
        Rest("stopped", "exited with 3"),
        "stopped",
        "exited with 3",
    ),
    (
        "errored",
        at(SHORT, rule=Restart(max_retries=0)),
        Rest("errored", "1 short run in a row, the last exited with 3"),
        "errored",
        "1 short run in a row, the last exited with 3",
    ),
    (
        "exited, launcher at its patrol",
        at(EXITED, alive="l"),
        Start(NOW - 1, "exited with 3"),
        "waiting",
        "exited with 3",
    ),
]


@pytest.mark.parametrize(
    ("moment", "step", "word", "why"), [pytest.param(*row, id=name) for name, *row in ROWS]
)
def test_step_and_status(
    moment: Situation, step: Start | Rest | End | Keep, word: str, why: str
) -> None:
    assert next_step(moment) == step
    if word == "waiting" and isinstance(step, Start) and not moment.launcher_lives:
        why += ", next try at the next patrol"  # nobody else is there to try
    assert status(moment) == (word, why)


RUNS = [None, HEAD, replace(HEAD, launcher=LAUNCHER), UP, EXITED, SHORT, STOPPED]


@pytest.mark.parametrize("down", [None, "stop", "restart"])
def test_every_moment_has_a_status_that_agrees_with_the_step(down: str | None) -> None:
    rules = [Restart(when) for when in ("always", "on-failure", "unless-stopped", "no")]
    for run, alive, rule, boot in product(RUNS, ("", "c", "l", "cl"), rules, (BOOT, OTHER)):
        moment = at(run, down=down, alive=alive if run else "", rule=rule, boot=boot)
        word, why = status(moment)
        step = next_step(moment)
        assert word in STATUSES
        if moment.child_lives:
            assert word == ("online" if down is None else "stopping")
        elif isinstance(step, Start):
            assert (word, bool(why)) == ("waiting", True)
        elif isinstance(step, Rest):
            assert (word, why) == (step.status, step.why)
        if isinstance(step, Start) and down is None:
            assert not moment.child_lives, "never two"


def test_who_is_to_be_started_is_launching_while_somebody_is_at_it() -> None:
    for run, down in ((HEAD, None), (EXITED, None), (None, None), (STOPPED, "restart")):
        assert status(at(run, down=down))[0] == "waiting"
        assert status(replace(at(run, down=down), acted_on=True)) == ("launching", "")
    later = replace(at(replace(SHORT, past=(Exit(NOW - 5, 0.5, 1),))), acted_on=True)
    assert status(later)[0] == "waiting"
    assert status(replace(at(STOPPED, down="stop"), acted_on=True))[0] == "stopped"


def test_what_the_clock_brings_is_known_from_the_exit_alone() -> None:
    waits = replace(Restart(), delay_s=60.0, max_delay_s=60.0)
    assert due_s(at(SHORT, rule=waits)) == NOW - 1 + 60
    assert due_s(replace(at(SHORT, rule=waits), now_s=NOW + 60)) is None  # it is due
    again = replace(Restart(), max_retries=0, retry_after_s=30.0)
    assert due_s(at(SHORT, rule=again)) == NOW - 1 + 30
    assert due_s(at(SHORT, rule=waits, down="stop")) is None
    assert due_s(at(UP, down="stop", alive="cl")) is None


def test_short_runs_count_those_that_led_to_where_the_process_is() -> None:
    rule = Restart()
    past = (Exit(NOW - 9, 0.5, 1), Exit(NOW - 5, 0.5, 1))
    ended = replace(SHORT, past=past)
    begins = replace(HEAD, past=past)
    assert [short_runs(rule, ended, word, NOW) for word in ("waiting", "errored")] == [3, 3]
    assert short_runs(rule, ended, "launching", NOW) == 3
    assert short_runs(rule, begins, "launching", NOW) == 2
    assert short_runs(rule, ended, "stopped", NOW) == 0
    assert short_runs(rule, replace(ended, stopped=True), "waiting", NOW) == 0
    assert short_runs(rule, None, "waiting", NOW) == 0


def test_clock_that_was_set_back_makes_no_run_negative() -> None:
    assert end_of(replace(UP, time_s=NOW + 50), NOW).uptime_s == 0
    assert end_of(replace(EXITED, exit_s=NOW - 9), NOW) == Exit(NOW - 9, 0.0, 3)


def test_end_is_when_it_was_noted_or_seen_or_now() -> None:
    assert end_of(replace(EXITED, ended_s=NOW - 2), NOW) == Exit(NOW - 2, 3.0, 3)
    assert end_of(EXITED, NOW) == Exit(NOW - 1, 4.0, 3)
    assert end_of(UP, NOW) == Exit(NOW, 5.0, None)
