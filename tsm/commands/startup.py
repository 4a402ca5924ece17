"""start processes at boot and look after them each minute"""

from __future__ import annotations

import os
import sys

from tsm.errors import Usage
from tsm.osproc import boot
from tsm.view import units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "kind",
        nargs="?",
        choices=("systemd", "cron"),
        help="default: systemd where it runs, else cron",
    )
    parser.add_argument(
        "--resident", action="store_true", help="systemd: a patrol that stays, with a watchdog"
    )
    parser.add_argument("--install", action="store_true", help="install it instead of printing it")


def run(opts: Namespace, context: Context) -> int:
    """Print, or install, the units or crontab lines that run resurrect and patrol."""
    kind = opts.kind or boot.kind()
    call = units.Call(
        program=tuple(program()),
        home=context.home.root,
        system=os.geteuid() == 0,
    )
    if opts.resident and kind == "cron":
        message = "--resident: is for systemd: where cron patrols, start brings one up by itself"
        raise Usage(message)
    if kind == "cron":
        lines = units.crontab(call)
        if not opts.install:
            context.write(lines)
            return 0
        boot.install_crontab(lines, units.crontab_marks(call.home))
        context.say("installed in your crontab: crontab -l shows it, tsm unstartup removes it")
        return 0
    files = units.systemd_resident(call) if opts.resident else units.systemd(call)
    if not opts.install:
        folder = boot.unit_folder()
        for name, content in files.items():
            context.write(f"# {folder}/{name}\n{content}\n")
        return 0
    boot.install_units(files)
    context.say(f"installed {', '.join(files)}: tsm unstartup removes them")
    return 0


def program() -> list[str]:
    """How to call this very tsm from anywhere."""
    called = os.path.abspath(sys.argv[0])
    if os.path.basename(called) == "tsm" and os.access(called, os.X_OK):
        return [called]
    return [sys.executable, "-P", "-m", "tsm"]
