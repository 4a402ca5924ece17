"""What a process is, and what is to be done about it."""

from __future__ import annotations

from tsm.model import End, Exit, Keep, Renew, Rest, Start
from tsm.policy import jobs, restart
from tsm.record import Record
from tsm.spec import Schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import Run
    from tsm.spec import Restart

_PATROL_S = 60.0  # how often cron looks


class Situation(Record):
    """One process at one moment: what is wanted, what is written, what the kernel says."""

    rule: Restart
    down: str | None  # the reason why it is wanted down, None if it is wanted up
    run: Run | None
    boot: str  # of the machine, now
    child_lives: bool
    launcher_lives: bool
    now_s: float
    paused: bool = False  # the child is stopped (SIGSTOP)
    awaits_ready: bool = False  # it has a readiness probe
    schedule: Schedule = Schedule()
    armed_s: float = 0.0  # when a job was started, so that its times count from then on
    attended: bool = False  # a resident patrol lives
    acted_on: bool = False  # somebody holds its lock
    failed: str = ""  # why it could not be started since its last run


def next_step(at: Situation) -> Start | Rest | End | Renew | Keep:
    """What puts the process right; Keep if nothing is wrong."""
    run = at.run
    live = at.child_lives or (at.launcher_lives and run is not None and run.child is None)
    if at.down == "restart":
        return Start(at.now_s, "a restart was cut short")
    if at.down is not None:
        return End("a stop was cut short") if live else Rest("stopped", "by command")
    if live:
        return _while_up(at)
    if at.launcher_lives and run is not None and not run.exited:
        return Keep("waiting", why="its launcher has yet to write the exit down")
    if at.schedule.job is not None:
        return jobs.next_run(at.schedule, _span(at), at.armed_s, at.now_s)
    if run is None or run.stopped or (run.child is None and not run.exited):
        return Start(at.now_s, "a start was cut short")
    if run.boot != at.boot and not run.exited:
        return _after_reboot(at.rule, at.now_s)
    return _after_exit(at, run)


def is_due(at: Situation) -> bool:
    """Whether it should be started now."""
    step = next_step(at)
    return isinstance(step, Start) and step.at_s <= at.now_s


def due_s(at: Situation) -> float | None:
    """When the clock brings the next change, if that is not now."""
    match next_step(at):
        case Start(at_s=at_s):
            return at_s if at_s > at.now_s else None
        case Rest(due_s=at_s) | Keep(due_s=at_s):
            return at_s
        case _:
            return None


def exits(run: Run, now_s: float) -> tuple[Exit, ...]:
    """The exits that the restart policy looks at, that of `run` last."""
    return (*run.past, end_of(run, now_s))


def end_of(run: Run, now_s: float) -> Exit:
    """How `run` ended; at `now_s` if nobody saw when.

    A clock that was set back makes no uptime negative.
    """
    end_s = next((s for s in (run.ended_s, run.exit_s) if s is not None), now_s)
    return Exit(end_s, max(0.0, end_s - run.time_s), run.code)


def short_runs(rule: Restart, run: Run | None, status: str, now_s: float) -> int:
    """How many short runs in a row have led to this status of a process without a child."""
    if run is None or run.stopped or status not in ("launching", "waiting", "errored"):
        return 0
    begins = status == "launching" and not run.exited and run.ended_s is None
    return restart.short_runs(rule, run.past if begins else exits(run, now_s))


def status(at: Situation) -> tuple[str, str]:
    """The status as shown, and the reason for it in a few words where it needs one."""
    if at.down is not None and at.child_lives:
        return "stopping", ""
    match next_step(at):
        case Keep(status=word, why=why):
            return word, why
        case End() | Renew():
            return "stopping", ""
        case Rest(status=word, why=why, due_s=due_s):
            return word, why if due_s is None else f"{why}, {_next_try(at, due_s)}"
        case Start(at_s=at_s) if at_s <= at.now_s and at.acted_on:
            return "launching", ""
        case Start(at_s=at_s, why=why):
            soon = at_s <= at.now_s and (at.attended or at.launcher_lives)
            if soon:
                return "waiting", f"{at.failed}, to be tried again" if at.failed else why
            return "waiting", f"{at.failed or why}, {_next_try(at, at_s)}"


def _next_try(at: Situation, due_s: float) -> str:
    word = "run" if at.schedule.job is not None else "try"
    left_s = max(0.0, due_s - at.now_s)
    if left_s < _PATROL_S and not (at.attended or at.launcher_lives):
        return f"next {word} at the next patrol"
    return f"next {word} in {_span_text(left_s)}"


def _span_text(seconds: float) -> str:
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def _while_up(at: Situation) -> Keep | Renew:
    run = at.run
    if not at.child_lives or run is None:
        return Keep("launching")
    if at.paused:
        return Keep("paused")  # its schedule waits with it
    word = "launching" if at.awaits_ready and not run.ready else "online"
    due = jobs.renewal(at.schedule, min(run.time_s, at.now_s))
    if due is None:
        return Keep(word)
    if due[0] <= at.now_s:
        return Renew("restart" if at.schedule.job is None else "overlap", due[1])
    return Keep(word, due[0])


def _span(at: Situation) -> tuple[float, float] | None:
    """When the last run began and ended; None if there was none."""
    run = at.run
    return None if run is None else (run.time_s, end_of(run, at.now_s).time_s)


def _after_exit(at: Situation, run: Run) -> Start | Rest:
    match restart.after_exit(at.rule, exits(run, at.now_s)):
        case Rest(due_s=due_s, why=why) if due_s is not None and due_s <= at.now_s:
            return Start(at.now_s, f"{why}, one more try")
        case Start(at_s=at_s, why=why) if at_s > at.now_s + at.rule.max_delay_s:
            return Start(at.now_s, why)  # the clock was set back
        case step:
            return step


def _after_reboot(rule: Restart, now_s: float) -> Start | Rest:
    if rule.when == "no":
        return Rest("stopped", "the machine was rebooted")
    return Start(now_s, "the machine was rebooted")
