"""list processes"""

from __future__ import annotations

import time

from tsm.osproc import table
from tsm.osproc.usage import usage
from tsm.patrol.observe import observe_all, uptime_s
from tsm.view import text
from tsm.view.arguments import add_names, add_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from tsm.context import Context

_HEADS = ("ID", "Name", "PID", "Port", "Status", "Uptime", "Restarts", "CPU", "Mem")
_RIGHT = ("ID", "PID", "Port", "Uptime", "Restarts", "CPU", "Mem")
_KEYS = ("id", "name", "pid", "port", "status", "uptime", "restarts", "cpu", "mem")
_LARGEST_FIRST = ("uptime", "restarts", "cpu", "mem")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser, least="*")
    parser.add_argument(
        "--sort", choices=_KEYS, default="id", metavar="KEY", help=f"{', '.join(_KEYS)}"
    )
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """List what there is; 0 also where there is nothing."""
    observed = observe_all(context.home, opts.names)
    used = usage([one.pid for one in observed if one.pid is not None], table.processes)
    rows = []
    for one in observed:
        meta = one.meta
        cpu, mem = used.get(one.pid or 0, (None, None))
        row: dict[str, object] = {
            "tsm_id": meta.tsm_id if meta else None,
            "name": one.name,
            "pid": one.pid,
            "port": meta.port if meta else None,
            "status": one.status,
            "uptime_s": uptime_s(one),
            "health": one.health,
            "next": one.due_s,
            "restarts": meta.restarts if meta else None,
            "unstable_restarts": meta.unstable_restarts if meta else None,
            "cpu": cpu,
            "mem": mem,
            "command": meta.command if meta else None,
            "cwd": meta.cwd if meta else None,
            "reason": one.reason,
        }
        rows.append(row)
    rows.sort(key=lambda row: _rank(row, opts.sort))
    if context.as_json:
        for row in rows:
            context.row(row, "")
    else:
        _show(rows, context)
    return 0


def _rank(row: dict[str, object], key: str) -> tuple[bool, object]:
    value = row[{"id": "tsm_id", "uptime": "uptime_s"}.get(key, key)]
    if isinstance(value, int | float) and key in _LARGEST_FIRST:
        value = -value
    return (value is None, "" if value is None else value)


def _show(rows: list[dict[str, object]], context: Context) -> None:
    if not rows:
        context.say("no processes: tsm start 'node server.js' --name web")
        return
    heads, cells = [*_HEADS], [_cells(row, context) for row in rows]
    for head, key, show in (("Health", "health", _or_dash), ("Next", "next", _moment)):
        if any(row[key] is not None for row in rows):
            heads.append(head)
            for line, row in zip(cells, rows, strict=True):
                line.append(show(row[key]))
    context.write(text.table(tuple(heads), [tuple(line) for line in cells], _RIGHT))
    for row in rows:
        if row["reason"] and row["status"] not in ("stopped", "completed"):
            word = row["status"] if row["health"] != "unhealthy" else "unhealthy"
            context.write(text.printable(f"{row['name']}: {word}: {row['reason']}") + "\n")


def _cells(row: dict[str, object], context: Context) -> list[str]:
    return [
        _or_dash(row["tsm_id"]),
        str(row["name"]),
        _or_dash(row["pid"]),
        _or_dash(row["port"]),
        text.status(str(row["status"]), colour=context.colour),
        text.duration(row["uptime_s"]) or "-",  # type: ignore[arg-type]
        _or_dash(row["restarts"]),
        "-" if row["cpu"] is None else f"{row['cpu']}%",
        text.size(row["mem"]) or "-",  # type: ignore[arg-type]
    ]


def _moment(value: object) -> str:
    """When something is due, in the time of the machine."""
    if not isinstance(value, int | float):
        return "-"
    there = time.localtime(value)
    today = there[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", there)


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)
