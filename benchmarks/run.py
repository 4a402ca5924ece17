#!/usr/bin/env python3
"""Measure tsm, pm2, supervisor and runit side by side, in one run, and hold tsm to its budgets."""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.machine import machine_line
from lab.rounds import Lab
from lab.site import Site
from lab.table import as_markdown, as_text, updated
from lab.trouble import Trouble
from peers import every_peer
from rows import EXPERIMENTS, GROUPS, ROWS, keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.table import Measured
    from peers.peer import Peer

CHECKOUT = Path(__file__).resolve().parent.parent


def options(argv: Sequence[str]) -> argparse.Namespace:
    """Answer what the command line asks for; exits with 2 when it asks for nonsense."""
    width = max(map(len, ROWS))
    rows = "\n".join(f"  {key:{width}}  {row.title}" for key, row in ROWS.items())
    groups = "\n".join(f"  {name:{width}}  {' '.join(members)}" for name, members in GROUPS.items())
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py",
        description=__doc__,
        epilog=f"rows:\n{rows}\n\ngroups of rows:\n{groups}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="ROW",
        choices=[*ROWS, *GROUPS],
        default=[],
        help="measure these rows alone, or groups of them",
    )
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="rounds of a slow row (default 5)"
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        default=CHECKOUT / ".bench",
        metavar="DIR",
        help="where the peers live, kept between runs (default .bench in the checkout)",
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument(
        "--into", type=Path, metavar="FILE", help="put the rows into a Markdown file that has them"
    )
    opts = parser.parse_args(argv)
    if opts.rounds < 1:
        parser.error("--rounds wants at least 1")
    return opts


def opened(scratch: Path) -> Site:
    """Make `scratch` ours: unseen by git if it is new, and locked as long as this process lives.

    Exits when another run holds it, or when its path is too long.
    """
    site = Site(scratch.resolve(), CHECKOUT)
    if site.too_long:
        sys.exit(f"benchmarks: {site.scratch}: too long a path for sockets in it")
    site.scratch.mkdir(parents=True, exist_ok=True)
    if not any(site.scratch.iterdir()):
        (site.scratch / ".gitignore").write_text("*\n")
    lock = os.open(site.scratch / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"benchmarks: {site.scratch}: another run is using it")
    return site


def installed(peers: Sequence[Peer]) -> dict[str, str]:
    """Install what can be installed; answer the version of each peer that is there."""
    versions = {}
    for peer in peers:
        print(f"installing {peer.name}", file=sys.stderr)
        try:
            versions[peer.name] = peer.install()
        except Trouble as trouble:
            print(f"{peer.name} is left out: {trouble}", file=sys.stderr)
    return versions


def measured(lab: Lab, wanted: Sequence[str]) -> list[Measured]:
    """Run every experiment that yields a wanted row; answer the rows in the order of the table."""
    found: dict[str, Measured] = {}
    for experiment in EXPERIMENTS:
        if not any(row.key in wanted for row in experiment.rows):
            continue
        try:
            found |= {result.row.key: result for result in experiment.run(lab)}
        except Trouble as trouble:  # of no peer: the other rows are still worth having
            lab.note(experiment.rows[0].key, trouble)
    return [found[key] for key in ROWS if key in wanted and key in found]


def main(argv: Sequence[str]) -> int:
    """Print the table; 0 when every budget that could be judged is met, 1 when one is not."""
    opts = options(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    site = opened(opts.scratch)
    load, *_ = os.getloadavg()
    peers = every_peer(site)
    lab = Lab(site, opts.rounds)
    try:
        for peer in peers:
            site.end_all(peer.name)
        versions = installed(peers)
        lab.peers.extend(peer for peer in peers if peer.name in versions)
        results = measured(lab, keys(opts.only))
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for peer in peers:
            site.end_all(peer.name)
    if opts.into:
        opts.into.write_text(updated(opts.into.read_text(), results))
    show = as_markdown if opts.markdown else as_text
    print(show(results, [*lab.notes, machine_line(site.scratch, versions, load)]))
    return 1 if any(result.met is False for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
