"""look at every process once and put right what is not"""

from __future__ import annotations

import argparse
import signal
import time

from tsm.context import LOCK_S
from tsm.errors import Busy, NoSuchProcess, TsmError, Usage
from tsm.patrol import presence
from tsm.patrol.choose import chosen
from tsm.patrol.end import dismiss_launchers
from tsm.patrol.reconcile import reconcile, reconcile_all
from tsm.patrol.tidy import tidy
from tsm.store import home
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context
    from tsm.patrol.reconcile import Done

_LEAVE_S = 10.0  # how long the resident may take to end
_BESIDE_S = 0.0  # whoever holds a lock is putting that process right already


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser, least="*")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--after-exit", action="store_true", help=argparse.SUPPRESS)
    group.add_argument("--daemon", action="store_true", help="stay, in the background")
    group.add_argument("--foreground", action="store_true", help="stay, in the foreground")
    group.add_argument("--stop", action="store_true", help="end the one that stays")
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print what was done; nothing if all was right."""
    stays = opts.daemon or opts.foreground
    if (stays or opts.stop) and opts.names:
        message = f"{opts.names[0]}: a resident patrol looks after all processes: leave it out"
        raise Usage(message)
    if stays:
        return _stay(context, daemon=opts.daemon)
    if not home.check(context.home):
        return 0
    if opts.stop:
        return _stop(context)
    if opts.after_exit:
        return _after_exit(opts.names, context)
    return _look_once(opts.names, context)


def _look_once(names: list[str], context: Context) -> int:
    status = 0
    if not names:
        _replace_hung(context)
    looked_at = chosen(context.home, names or ["all"])
    sound = []
    for one in reconcile_all(context.home, looked_at, _BESIDE_S):
        if isinstance(one, Busy):
            continue
        if isinstance(one, TsmError):
            said = context.report([one])
            status = status or said
            continue
        sound.append(one.name)
        _tell(one, context)
    if not presence.attended(context.home):
        status = _ask(looked_at, context) or status
        status = _care_for_logs(sound, context) or status
    if not names:
        tidy(context.home)
    presence.attend(context.home, ())
    return status


def _tell(done: Done, context: Context) -> None:
    if done.over is not None:
        dismiss_launchers([done.over])
    if done.action:
        values = {"name": done.name, "action": done.action, "reason": done.reason}
        context.row(values, f"{done.name}: {done.action} ({done.reason})")


def _ask(names: list[str], context: Context) -> int:
    """Probe and measure, where no resident does; 7 if the samples could not be kept."""
    from tsm.patrol.asking import ask_once, sample_once

    for done in ask_once(context.home, names):
        _tell(done, context)
    problem = sample_once(context.home)
    return context.report([problem] if problem is not None else [])


def _care_for_logs(names: list[str], context: Context) -> int:
    """Rotate what is due, where no resident does."""
    from tsm.patrol import log_care

    acts, problems = log_care.look_after_all(context.home, names)
    for act in log_care.worth_telling(acts):
        if act.action:
            reason = f"{act.file}, {act.reason}"
            values = {"name": act.name, "action": act.action, "reason": reason}
            context.row(values, f"{act.name}: {act.action} ({reason})")
    return context.report(problems)


def _replace_hung(context: Context) -> None:
    """End a resident that shows no sign of life; another takes its place."""
    silent_s = presence.hung_s(context.home)
    if silent_s is None:
        return
    gone = presence.dismiss(context.home, signal.SIGKILL, _LEAVE_S)
    if gone is None:
        return
    reason = f"no heartbeat for {silent_s:.0f} s"
    values = {"name": None, "action": "replace", "reason": reason, "pid": gone.pid}
    context.row(values, f"resident patrol (pid {gone.pid}): replaced ({reason})")


def _stay(context: Context, *, daemon: bool) -> int:
    """Be the resident patrol; 0 if there is one already."""
    from tsm.patrol.staying import stay

    home.prepare(context.home)
    if not stay(context.home, daemon=daemon) and not daemon:
        context.say("a resident patrol is at work already")
        return 1
    return 0


def _stop(context: Context) -> int:
    gone = presence.dismiss(context.home, signal.SIGTERM, _LEAVE_S)
    values = {"action": None if gone is None else "stop", "pid": None if gone is None else gone.pid}
    said = "there is none" if gone is None else f"resident patrol (pid {gone.pid}): stopped"
    context.row(values, said)
    return 0


def _after_exit(names: list[str], context: Context) -> int:
    """The launcher's last act. Prints how many seconds it is to wait before it asks again."""
    try:
        (name,) = chosen(context.home, names)
    except NoSuchProcess:
        return 0
    done = reconcile(context.home, name, LOCK_S)
    if done.due_s is not None:
        context.write(f"{max(0.0, done.due_s - time.time()):.3f}\n")
    context.flush()
    presence.attend(context.home, names)
    return 0
