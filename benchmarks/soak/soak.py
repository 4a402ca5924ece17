#!/usr/bin/env python3
"""Let processes start, crash and stop at random while tsm is killed at random; then check all."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from chaos import Chaos, Ledger
from scene import Scene
from verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORKERS = 6


def options(argv: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for; exits with 2 when it asks for nonsense."""
    parser = argparse.ArgumentParser(prog="benchmarks/soak/soak.py", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=600.0, metavar="N", help="how long (default 600)")
    add("--processes", type=int, default=50, metavar="N", help="how many (default 50)")
    add("--workers", type=int, default=_WORKERS, metavar="N", help="commands at a time (default 6)")
    add("--patrol", choices=("resident", "cron"), default="resident", help="who patrols")
    add("--seed", type=int, default=None, metavar="N", help="of the dice (default: by the clock)")
    opts = parser.parse_args(argv)
    if opts.processes < 1 or opts.workers < 1:
        parser.error("--processes and --workers want at least 1")
    return opts


def main(argv: Sequence[str]) -> int:
    """Print a summary, one JSON object; 0 if nothing is wrong, else 1, and the home is kept."""
    opts = options(argv)
    seed = int(time.time()) if opts.seed is None else opts.seed
    scratch = Path(tempfile.mkdtemp(prefix="tsm-soak-"))
    ledger = Ledger()
    scene = Scene(scratch, opts.processes, resident=opts.patrol == "resident")
    verdict = Verdict(scene, ledger)
    try:
        for name in scene.policies:
            scene.tsm(*scene.definition(name))
        Chaos(scene, ledger, seed).rage(opts.seconds, opts.workers)
        verdict.pass_on()
    finally:
        scene.end_all()
    summary = {
        "seconds": opts.seconds,
        "processes": opts.processes,
        "patrol": opts.patrol,
        "seed": seed,
        **{what.replace(" ", "_"): n for what, n in sorted(ledger.counts.items())},
        **{what.replace(" ", "_"): n for what, n in sorted(verdict.counts.items())},
        "faults": ledger.faults,
    }
    if ledger.faults:
        summary["kept"] = str(scratch)
    else:
        shutil.rmtree(scratch)
    print(json.dumps(summary, indent=2))
    return 1 if ledger.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
