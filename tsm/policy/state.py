"""What a process is, and what is to be done about it."""

from __future__ import annotations

from tsm.model import End, Exit, Keep, Rest, Start
from tsm.policy.restart import after_exit
from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import Restart, Run


class Situation(Record):
    """One process at one moment: what is wanted, what is written, what the kernel says."""

    rule: Restart
    down: str | None  # the reason why it is wanted down, None if it is wanted up
    run: Run | None
    boot: str  # of the machine, now
    child_lives: bool
    launcher_lives: bool
    now_s: float


def next_step(at: Situation) -> Start | Rest | End | Keep:
    """What puts the process right; Keep if nothing is wrong."""
    run = at.run
    live = at.child_lives or (at.launcher_lives and run is not None and run.child is None)
    if at.down == "restart":
        return Start(at.now_s, "a restart was cut short")
    if at.down is not None:
        return End("a stop was cut short") if live else Rest("stopped", "by command")
    if live:
        return Keep("online" if at.child_lives else "launching")
    if run is None or run.stopped or (run.child is None and not run.exited):
        return Start(at.now_s, "a start was cut short")
    if run.boot != at.boot and not run.exited:
        return _after_reboot(at.rule, at.now_s)
    if at.launcher_lives and not run.exited:
        return Keep("waiting")  # until the launcher has written the exit down
    return after_exit(at.rule, exits(run, at.now_s))


def exits(run: Run, now_s: float) -> tuple[Exit, ...]:
    """The exits that the restart policy looks at, that of `run` last."""
    return (*run.past, end_of(run, now_s))


def end_of(run: Run, now_s: float) -> Exit:
    """How `run` ended; at `now_s` if nobody saw when.

    A clock that was set back makes no uptime negative.
    """
    end_s = next((s for s in (run.ended_s, run.exit_s) if s is not None), now_s)
    return Exit(end_s, max(0.0, end_s - run.time_s), run.code)


def status(at: Situation) -> tuple[str, str]:
    """The status as shown, and the reason for it in a few words where it needs one."""
    if at.down is not None and at.child_lives:
        return "stopping", ""
    match next_step(at):
        case Keep(status=word):
            return word, ""
        case End():
            return "stopping", ""
        case Rest(status=word, why=why):
            return word, why
        case Start(at_s=at_s, why=why):
            if not at.launcher_lives:
                return "waiting", f"{why}, next try at the next patrol"
            left_s = max(0.0, at_s - at.now_s)
            return "waiting", f"{why}, next try in {left_s:.0f} s" if left_s else why


def _after_reboot(rule: Restart, now_s: float) -> Start | Rest:
    if rule.when == "no":
        return Rest("stopped", "the machine was rebooted")
    return Start(now_s, "the machine was rebooted")
