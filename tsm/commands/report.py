"""show how available processes were, and what they used"""

from __future__ import annotations

import time
from contextlib import suppress

from tsm.errors import Broken
from tsm.osproc import table
from tsm.patrol.choose import chosen, chosen_ever
from tsm.patrol.process import sound_spec
from tsm.policy.availability import Window, availability, quantiles
from tsm.store import journal, metrics, runs
from tsm.view import text
from tsm.view.arguments import add_names, add_output, moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence
    from typing import Any

    from tsm.context import Context
    from tsm.store.home import Home

_HEADS = (
    *("Name", "Uptime", "Restarts", "Crashes", "MTBF"),
    *("CPU p50", "p95", "max", "Mem p50", "p95", "max"),
)
_PARTS = ("p50", "p95", "max")
_RESTING = ("on-failure", "no")  # after a success


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser, least="*")
    parser.add_argument(
        "--since",
        metavar="TIME",
        default="7d",
        help="7d: so long ago; or 2026-11-20T12:30 (UTC); default: 7d",
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Print a row for each process: of those there are, or of any that is named."""
    now_s = time.time()
    since_s = moment(opts.since, now_s)
    home = context.home
    names = chosen_ever(home, opts.names) if opts.names else chosen(home, ["all"])
    samples: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for sample in metrics.samples(home, since_s, names):
        samples[sample["name"]].append(sample)
    rows = []
    for name, own in samples.items():
        seen_s = sorted(one["time"] for one in own)
        living, rests_after = _now(home, name)
        window = Window(since_s, now_s, seen_s, living, rests_after)
        rows.append(_row(home, name, window, own))
    if context.as_json:
        for row in rows:
            context.row(row, "")
    elif rows:
        context.write(text.table(_HEADS, [_shown(row) for row in rows], _HEADS[1:]))
    else:
        context.say("no processes: tsm start 'node server.js' --name web")
    return 0


def _now(home: Home, name: str) -> tuple[bool, Sequence[str]]:
    """Whether its child lives, and after which ends it rests; a deleted one does neither."""
    with suppress(Broken):
        run = runs.read(home, name)
        living = run is not None and table.alive(run.child, table.boot_id())
        spec = sound_spec(home, name)
        if spec.schedule.job is not None:
            return living, ("exit", "crash")
        return living, ("exit",) if spec.restart.when in _RESTING else ()
    return False, ()


def _row(
    home: Home, name: str, window: Window, samples: Sequence[dict[str, Any]]
) -> dict[str, object]:
    events = [event for event, _ in journal.events(journal.history_file(home, name))]
    found = availability(events, window)
    row: dict[str, object] = {
        "name": name,
        "since": None if found.since_s is None else round(found.since_s, 3),
        "uptime": found.uptime_percent,
        "up_s": round(found.up_s, 3),
        "down_s": round(found.down_s, 3),
        "restarts": found.restarts,
        "crashes": found.crashes,
        "failures": found.failures,
        "mtbf_s": found.mtbf_s,
    }
    for key in ("cpu", "mem"):
        ranked = quantiles([one[key] for one in samples if one[key] is not None])
        for part, value in zip(_PARTS, ranked or (None, None, None), strict=True):
            row[f"{key}_{part}"] = value
    return row


def _shown(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["name"],
        "-" if row["uptime"] is None else f"{row['uptime']:.3f}%",
        str(row["restarts"]),
        str(row["crashes"]),
        text.duration(row["mtbf_s"]) or "-",
        *(_percent(row[f"cpu_{part}"]) for part in _PARTS),
        *(text.size(row[f"mem_{part}"]) or "-" for part in _PARTS),
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}%"
