"""What follows an exit."""

from __future__ import annotations

from tsm import quantities
from tsm.model import Exit, Rest, Start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.spec import Restart

WINDOW_S = 60.0  # over which crashes are counted, however long each run was
WINDOW_RUNS = 5  # so many of them in a window are nothing unusual
_SIGNALS = {  # those that end a process, by their numbers on Linux (signal(7))
    1: "SIGHUP",
    2: "SIGINT",
    3: "SIGQUIT",
    4: "SIGILL",
    5: "SIGTRAP",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    10: "SIGUSR1",
    11: "SIGSEGV",
    12: "SIGUSR2",
    13: "SIGPIPE",
    14: "SIGALRM",
    15: "SIGTERM",
    24: "SIGXCPU",
    25: "SIGXFSZ",
    31: "SIGSYS",
}


def after_exit(rule: Restart, exits: Sequence[Exit]) -> Start | Rest:
    """Decide what follows the last of `exits` (oldest first, at least one).

    The delay doubles with each short run in a row: delay_s, 2x, 4x, ... max_delay_s. Longer
    runs are throttled in the same way from the sixth end within a minute on, but only short
    ones lead to `errored`.
    """
    last = exits[-1]
    good = ok(rule, last)
    how = outcome(last)
    if rule.when == "no" or (rule.when == "on-failure" and good):
        return Rest("completed" if good else "stopped", how)
    short = short_runs(rule, exits)
    if short and short > rule.max_retries:
        again_s = None if rule.retry_after_s is None else last.time_s + rule.retry_after_s
        runs = quantities.counted(short, "short run")
        return Rest("errored", f"{runs} in a row, the last {how}", again_s)
    streak = max(short, crowded_runs(exits))
    if streak == 0:
        return Start(last.time_s, how)
    pause_s = rule.delay_s
    for _ in range(min(streak - 1, _doublings(rule))):
        pause_s *= 2.0
    which = f"{ordinal(short)} short run" if short else "many runs within a minute"
    return Start(last.time_s + min(pause_s, rule.max_delay_s), f"{which}, {how}")


def ok(rule: Restart, one: Exit) -> bool:
    """Whether the exit counts as success."""
    return one.code is not None and one.code in rule.success_codes


def short_runs(rule: Restart, exits: Sequence[Exit]) -> int:
    """How many of the last runs, in a row, were shorter than min_uptime."""
    count = 0
    for one in reversed(exits):
        if one.uptime_s >= rule.min_uptime_s:
            break
        count += 1
    return count


def crowded_runs(exits: Sequence[Exit]) -> int:
    """How many more runs have ended within the window than are nothing unusual."""
    since_s = exits[-1].time_s - WINDOW_S
    return max(0, sum(one.time_s > since_s for one in exits) - WINDOW_RUNS)


def counted(rule: Restart, exits: Sequence[Exit]) -> tuple[Exit, ...]:
    """The exits that later decisions still need: the last short runs, and the window."""
    if not exits:
        return ()
    since_s = exits[-1].time_s - WINDOW_S
    window = sum(one.time_s > since_s for one in exits)
    short = min(short_runs(rule, exits), rule.max_retries + 1)
    keep = max(short, min(window, WINDOW_RUNS + _doublings(rule) + 1))
    return tuple(exits[-keep:]) if keep else ()


def signal_of(code: int) -> int | None:
    """The signal that a shell means by an exit code of 128+N; None if there is no such signal."""
    return code - 128 if 128 < code <= 128 + 64 else None


def _doublings(rule: Restart) -> int:
    """How often the delay can double before it is at its longest."""
    count, pause_s = 0, rule.delay_s
    while 0 < pause_s < rule.max_delay_s:
        count, pause_s = count + 1, pause_s * 2.0
    return count


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, `11th`, `21st`."""
    teen = 10 < number % 100 < 14
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def outcome(one: Exit) -> str:
    """How the run ended, in words."""
    if one.code is None:
        return "ended with an unknown exit code"
    number = signal_of(one.code)
    if number is not None:
        return f"killed by {_SIGNALS.get(number, f'signal {number}')}"
    return f"exited with {one.code}"
