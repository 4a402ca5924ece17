"""show everything about one process"""

from __future__ import annotations

import time
from contextlib import suppress

from tsm.errors import Broken
from tsm.osproc import members, table, usage
from tsm.patrol.observe import observe_all, uptime_s
from tsm.patrol.process import load
from tsm.policy.environ import masked
from tsm.policy.settings import SETTINGS, default, value_of
from tsm.quantities import counted
from tsm.store import documents, environment, follower, journal, log_paths, logs
from tsm.view import text
from tsm.view.arguments import add_names, add_output
from tsm.view.events import sentence
from tsm.view.settings import lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence
    from typing import Any

    from tsm.context import Context
    from tsm.errors import TsmError
    from tsm.model import OsProcess, Run
    from tsm.patrol.observe import Observed
    from tsm.spec import Spec
    from tsm.store.home import Home

_EXITS = 5
_STDERR_LINES = 10
_ENDS = ("exit", "crash", "stop")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser)
    add_output(parser)


def run(opts: Namespace, context: Context) -> int:
    """Describe each of them; of a broken one, what is wrong with it."""
    status = 0
    rows = table.processes()
    for one in observe_all(context.home, opts.names):
        env_count, problems = _env_count(context.home, one.name)
        try:
            facts = {**_facts(one, rows, context), "env_count": env_count}
        except Broken as error:
            facts = {"name": one.name, "status": "broken", "reason": str(error)}
            status, problems = error.status, []
        if context.as_json:
            context.row(facts, "")
        else:
            _show(facts, context)
        status = context.report(problems) or status
    return status


def _env_count(home: Home, name: str) -> tuple[int | None, list[TsmError]]:
    """How many variables are saved for it; None, and why, where they cannot be read."""
    try:
        return len(environment.read(home, name)), []
    except Broken as error:
        return None, [error]


def _facts(one: Observed, rows: Sequence[OsProcess], context: Context) -> dict[str, object]:
    home, name = context.home, one.name
    process = load(home, name)
    meta = one.meta or process.meta
    used = usage.usage([one.pid] if one.pid is not None else [], lambda: rows)
    cpu, mem = used.get(one.pid or 0, (None, None))
    return {
        "tsm_id": meta.tsm_id,
        "name": name,
        "status": one.status,
        "reason": one.reason,
        "health": one.health,
        "next": one.due_s,
        "pid": one.pid,
        "uptime_s": uptime_s(one),
        "restarts": meta.restarts,
        "unstable_restarts": meta.unstable_restarts,
        "cpu": cpu,
        "mem": mem,
        "spec": {**documents.encoded(process.spec), "env": masked(process.spec.env)},
        "settings": _settings(process.spec),
        "run": _run_facts(process.run),
        "exits": _exits(one, context),
        "paths": {
            "directory": home.process(name),
            "out": log_paths.place(home, name, "out"),
            "err": log_paths.place(home, name, "err"),
            "history": journal.history_file(home, name),
        },
        "tree": [] if one.pid is None else _tree(one.pid, rows),
        "stderr": _last_of_stderr(home, name),
    }


def _settings(spec: Spec) -> list[str]:
    """What is not as by default, as `set` takes it."""
    unusual = [one for one in SETTINGS.values() if value_of(spec, one) != default(one)]
    return [line for one in unusual for line in lines(one.key, value_of(spec, one))]


def _last_of_stderr(home: Home, name: str) -> list[str]:
    """The last lines of the log that holds it; none of what is no file, which `check` tells."""
    path = logs.current(home, name, log_paths.carrier(home, name, "err"))
    with suppress(Broken):
        return [
            line.decode("utf-8", "replace") for line in follower.last_lines(path, _STDERR_LINES)
        ]
    return []


def _run_facts(run: Run | None) -> dict[str, object] | None:
    if run is None:
        return None
    launcher = run.launcher.pid if run.launcher is not None else None
    return {"id": run.id, "why": run.why, "time": round(run.time_s, 3), "launcher": launcher}


def _exits(one: Observed, context: Context) -> list[dict[str, object]]:
    last = journal.last_events(journal.history_file(context.home, one.name))
    return [event for event in last if event["event"] in _ENDS and "code" in event][-_EXITS:]


def _tree(pid: int, rows: Sequence[OsProcess]) -> list[dict[str, object]]:
    return [
        {
            "pid": row.pid,
            "depth": depth,
            "command": " ".join(table.command_line(row.pid)) or row.comm,
            "cpu": usage.percent(row.cpu_ticks, row),
            "mem": row.rss_bytes,
            "threads": row.threads,
        }
        for depth, row in members.tree(pid, rows)
    ]


def _show(facts: Mapping[str, Any], context: Context) -> None:
    for key, value in _lines(facts):
        context.write(f"{key:<14}{text.printable(value)}\n")
    for head, below in (
        (
            "last exits",
            [sentence(event, colour=context.colour) for event in facts.get("exits", [])],
        ),
        ("tree", [_branch(row) for row in facts.get("tree", [])]),
        ("last of stderr", [text.printable(line) for line in facts.get("stderr", [])]),
    ):
        if below:
            context.write(f"{head}\n" + "".join(f"  {line}\n" for line in below))


def _lines(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "spec" not in facts:
        return [(key, str(value)) for key, value in facts.items()]
    spec, rule = facts["spec"], facts["spec"]["restart"]
    reason = f" ({facts['reason']})" if facts["reason"] else ""
    unhealthy = facts["health"] == "unhealthy"  # then the reason is of that
    policy = (
        f"{rule['when']}, up to {counted(rule['max_retries'], 'short run')} "
        f"(< {rule['min_uptime_s']:g} s) in a row, "
        f"delay {rule['delay_s']:g} to {rule['max_delay_s']:g} s"
    )
    short = counted(facts["unstable_restarts"], "short run")
    started = facts["run"] and _moment(facts["run"]["time"])
    rows = (
        ("name", f"{facts['name']} (id {facts['tsm_id']})"),
        ("status", facts["status"] + ("" if unhealthy else reason)),
        ("health", facts["health"] + reason if unhealthy else facts["health"]),
        ("next", facts["next"] and _moment(facts["next"])),
        ("pid", facts["pid"]),
        ("launcher", facts["run"] and facts["run"]["launcher"]),
        ("started", started),
        ("uptime", text.duration(facts["uptime_s"])),
        ("restarts", f"{facts['restarts']} ({short} in a row)"),
        ("cpu, memory", facts["pid"] and f"{facts['cpu']}%, {text.size(facts['mem'])}"),
        ("command", spec["command"]),
        ("argv", " ".join(map(repr, spec["argv"]))),
        ("cwd", spec["cwd"]),
        ("port", spec["port"]),
        ("umask", spec["umask"]),
        ("environment", _environment(facts)),
        ("env file", spec["env_file"]),
        ("restart", policy),
        ("stop", f"{spec['stop_signal']}, then SIGKILL after {spec['stop_timeout_s']:g} s"),
        *(("setting", line) for line in facts["settings"]),
        *facts["paths"].items(),
    )
    return [(key, str(value)) for key, value in rows if value not in (None, "")]


def _environment(facts: Mapping[str, Any]) -> str:
    count = facts["env_count"]
    if count is None:
        return "cannot be read"
    return f"{counted(count, 'variable')} (tsm env {facts['name']})"


def _moment(time_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_s))


def _branch(row: Mapping[str, Any]) -> str:
    indent = "  " * row["depth"]
    used = f"{row['cpu']}%  {text.size(row['mem'])}"
    return f"{indent}{row['pid']}  {used}  {text.printable(row['command'])}"
