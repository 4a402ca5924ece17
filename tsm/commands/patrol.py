"""look at every process once and put right what is not"""

from __future__ import annotations

import argparse
import time

from tsm.context import LOCK_S
from tsm.errors import Busy, NoSuchProcess, TsmError, refused
from tsm.patrol.choose import chosen
from tsm.patrol.reconcile import reconcile
from tsm.patrol.tidy import tidy
from tsm.store import home
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context

_BESIDE_S = 0.0  # whoever holds a lock is putting that process right already


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser, least="*")
    parser.add_argument("--after-exit", action="store_true", help=argparse.SUPPRESS)
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print what was done; nothing if all was right."""
    if not home.check(context.home):
        return 0
    if opts.after_exit:
        return _after_exit(opts.names, context)
    status = 0
    for name in chosen(context.home, opts.names or ["all"]):
        try:
            done = reconcile(context.home, name, _BESIDE_S)
        except Busy:
            continue
        except (TsmError, OSError) as error:
            problem = error if isinstance(error, TsmError) else refused(error)
            status = status or problem.status
            context.report([problem])
            continue
        if done.action:
            values = {"name": name, "action": done.action, "reason": done.reason}
            context.row(values, f"{name}: {done.action} ({done.reason})")
    if not opts.names:
        tidy(context.home)
    return status


def _after_exit(names: list[str], context: Context) -> int:
    """The launcher's last act. Prints how many seconds it is to wait before it asks again."""
    try:
        (name,) = chosen(context.home, names)
    except NoSuchProcess:
        return 0
    done = reconcile(context.home, name, LOCK_S)
    if done.due_s is not None:
        context.write(f"{max(0.0, done.due_s - time.time()):.3f}\n")
    return 0
