"""adopt a running program as a process"""

from __future__ import annotations

from tsm.context import LOCK_S
from tsm.errors import Usage
from tsm.osproc import table
from tsm.osproc.stranger import stranger
from tsm.patrol import presence
from tsm.patrol.adopt import adopt, definition
from tsm.policy import changes
from tsm.store import home
from tsm.view.arguments import add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("pid", metavar="PID", help="which one; its descendants come with it")
    parser.add_argument(
        "changes",
        nargs="*",
        default=[],  # else the parser calls them required
        metavar="KEY=VALUE",
        help="settings, as tsm set takes them",
    )
    parser.add_argument(
        "--name", help="the name; default: the script's stem, or the program's name"
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Adopt it as it runs: nothing is sent to it, nothing changes for it."""
    asked = _changes(opts)
    if not (opts.pid.isascii() and opts.pid.isdecimal() and len(opts.pid) < 10 and int(opts.pid)):
        message = f"{opts.pid!r}: not a pid: ps -e lists them"
        raise Usage(message)
    who = stranger(int(opts.pid), table.boot_id())
    spec = definition(who, opts.name, asked)
    home.prepare(context.home)
    process = adopt(context.home, spec, who, LOCK_S)
    context.warn(presence.unattended(context.home, spec))
    presence.attend(context.home, [process.name])
    values = {
        "tsm_id": process.meta.tsm_id,
        "name": process.name,
        "action": "attach",
        "status": "online",
        "pid": who.identity.pid,
    }
    said = f"attached (id {process.meta.tsm_id}, pid {who.identity.pid})"
    context.row(values, f"{process.name}: {said}: its output goes where it went, until a restart")
    return 0


def _changes(opts: Namespace) -> changes.Changes:
    strange = [word for word in opts.changes if not changes.is_change(word)]
    if strange:
        message = f"{strange[0]!r}: not KEY=VALUE, such as max-memory=200M"
        raise Usage(message)
    return changes.read(opts.changes)
