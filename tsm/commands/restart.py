"""stop processes and start them again"""

from __future__ import annotations

from tsm.context import LOCK_S
from tsm.patrol import begin, presence
from tsm.patrol.bring_up import launch_held
from tsm.patrol.choose import chosen
from tsm.patrol.define import environ_of
from tsm.patrol.hold import held_all
from tsm.patrol.take_down import RESTART, take_down
from tsm.store import environment
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context
    from tsm.patrol.hold import Held


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser)
    parser.add_argument(
        "--update-env", action="store_true", help="replace the saved environment by the caller's"
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Restart them side by side; what was down is started as well."""
    place = context.home
    names = chosen(place, opts.names)
    with held_all(place, names, LOCK_S) as held:
        _check(held, context, update=opts.update_env)
        ended = take_down(place, held, RESTART, context.progress)
        again = [one.process for one in ended.values()]
        launched = launch_held(place, again, "restart")
        for process in launched.started:
            pid = process.run.child.pid if process.run and process.run.child else None
            values = {
                "tsm_id": process.meta.tsm_id,
                "name": process.name,
                "action": "restart",
                "status": "online",
                "pid": pid,
                "killed": list(ended[process.name].killed),
            }
            context.row(values, f"{process.name}: restarted (pid {pid})")
    presence.attend(place, names)
    return context.report([*held.problems, *launched.problems])


def _check(held: Held, context: Context, *, update: bool) -> None:
    """Find out whether all can start before any is stopped; replace environments."""
    environs = {}
    for name, process in held.processes.items():
        if update:
            environs[name] = environ_of(process.spec, context.environ)
        else:
            environs[name] = environment.read(context.home, name)
        begin.check(context.home, process.spec, environs[name])
    if update:
        for name, environ in environs.items():
            environment.write(context.home, name, environ)
