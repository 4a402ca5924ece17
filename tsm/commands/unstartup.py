"""undo startup"""

from __future__ import annotations

from tsm.osproc import boot
from tsm.view import units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "kind", nargs="?", choices=("systemd", "cron"), help="default: whatever is installed"
    )


def run(opts: Namespace, context: Context) -> int:
    """Remove what startup --install has installed for this home; processes run on."""
    removed = []
    if opts.kind in (None, "cron") and boot.remove_crontab(units.crontab_marks(context.home.root)):
        removed.append("crontab lines")
    if opts.kind in (None, "systemd"):
        call = units.Call(("tsm",), context.home.root, system=True)
        removed += boot.remove_units(units.systemd(call))
    context.say(f"removed {', '.join(removed)}" if removed else "nothing was installed")
    return 0
