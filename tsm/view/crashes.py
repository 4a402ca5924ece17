"""Crash reports for people."""

from __future__ import annotations

from tsm.view import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_HEADS = ("Time", "Name", "Kind", "Exit", "Uptime", "Rule")
_COLOURS = {"start-failed": "33", "stop-needed-kill": "33"}  # all others are red


def table(reports: Sequence[Mapping[str, Any]]) -> str:
    """One line each, in the order given; the time in UTC."""
    rows = [
        (
            _stamp(one["time"]),
            one["name"],
            one["kind"],
            _exit(one),
            text.duration(one["uptime_s"]) or "-",
            one["rule"],
        )
        for one in reports
    ]
    return text.table(_HEADS, rows, ("Uptime",))


def page(report: Mapping[str, Any], *, colour: bool) -> text.Shown:
    """All of a report: facts first, then what the run wrote last."""
    kind = report["kind"]
    facts = (
        ("name", f"{report['name']} (id {report.get('tsm_id')})"),
        ("kind", text.painted(kind, _COLOURS.get(kind, "31"), colour=colour)),
        ("time", f"{_stamp(report['time'])} UTC"),
        ("rule", report["rule"]),
        ("exit", _exit(report)),
        ("core", _core(report)),
        ("uptime", text.duration(report["uptime_s"])),
        ("pid", report.get("pid")),
        ("run", report.get("run")),
        ("restarts", report.get("restarts")),
        ("killed", ", ".join(map(str, report["killed"]))),
        ("command", report["spec"].get("command")),
        ("cwd", report["spec"].get("cwd")),
        ("environment", " ".join(_variables(report["spec"]))),
        ("usage", _usage(report["usage"])),
    )
    known = [(key, value) for key, value in facts if value not in (None, "", "-")]
    lines = [
        f"{key:<12}{text.printable(value if isinstance(value, str) else str(value))}"
        for key, value in known
    ]
    for head, part in (
        ("tree", _tree(report["tree"])),
        ("last of stdout", report["out"]),
        ("last of stderr", report["err"]),
    ):
        if part:
            lines += [head, *(f"  {text.printable(str(line))}" for line in part)]
    return text.Shown("\n".join(lines))


def _usage(usage: Mapping[str, Any] | None) -> str:
    known = (usage or {}).items()
    return " ".join(f"{key}={value}" for key, value in known if key != "time")


def _tree(tree: Sequence[Any] | None) -> list[str]:
    return [f"{row.get('pid')} {row.get('comm')}" for row in tree or () if isinstance(row, dict)]


def _variables(spec: Mapping[str, Any]) -> list[str]:
    env = spec.get("env")
    pairs = env.items() if isinstance(env, dict) else ()
    return [f"{key}={value}" for key, value in pairs]


def _exit(report: Mapping[str, Any]) -> str:
    """`SIGSEGV`, `3`, `?` where nobody could see it, `-` where nothing has ended."""
    if report["signal"] is not None:
        return str(report["signal"])
    if report["code"] is not None:
        return str(report["code"])
    return "?" if report.get("ended") else "-"


def _core(report: Mapping[str, Any]) -> str | None:
    if report["signal"] is None:
        return None
    allowed = report.get("core_allowed")
    return "unknown" if allowed is None else "allowed" if allowed else "none"


def _stamp(time_s: float) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return str(time_s)
