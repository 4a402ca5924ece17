"""Which rule acted on the end of a run, in one sentence."""

from __future__ import annotations

from tsm.model import Rest
from tsm.policy.restart import after_exit, crowded_runs, ordinal, short_runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.model import Exit
    from tsm.spec import Restart


def acted(rule: Restart, exits: Sequence[Exit]) -> str:
    """What the restart policy makes of the last of `exits` (oldest first, at least one).

    Such as `restart always: 2nd short run in a row, next try in 2 s`.
    """
    head = f"restart {rule.when}:"
    step = after_exit(rule, exits)
    if isinstance(step, Rest):
        left = "given up" if step.status == "errored" else f"left {step.status}"
        return f"{head} {step.why}, {left}"
    pause_s = round(step.at_s - exits[-1].time_s, 3)  # times so large are not exact
    short, crowded = short_runs(rule, exits), crowded_runs(exits)
    if not short and not crowded:
        return f"{head} at once"
    when = f"next try in {pause_s:g} s" if pause_s > 0 else "at once"
    if short >= crowded:
        count = f"{ordinal(short)} short run in a row" if short > 1 else "a short run"
        return f"{head} {count}, {when}"
    return f"{head} {ordinal(crowded)} end too many within a minute, {when}"
