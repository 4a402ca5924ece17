"""tsm history: the whole life of one process, and what is left of it after a delete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.machine import kill, kill_with_launcher, reboot
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running import Tsm


def history_file(tsm: Tsm, name: str) -> Path:
    """Where it lies."""
    return tsm.home / f"db/history/{name}.jsonl"


def events(tsm: Tsm, name: str = "web") -> list[str]:
    """What has happened, oldest first."""
    return [row["event"] for row in tsm("history", name).rows]


def test_the_whole_life_is_told_with_codes_and_runs(tsm: Tsm, gate: Gate) -> None:
    tsm(
        *("start", gate.command, "--name", "web", "--restart", "on-failure"),
        *("--min-uptime", "0", "--delay", "0"),
    )
    gate.open(7)
    eventually(lambda: events(tsm) == ["start", "crash", "restart"])
    tsm("restart", "web")
    gate.open(0)
    eventually(lambda: tsm("ls", "web").row["status"] == "completed")
    tsm("start", "web")
    tsm("stop", "web")
    rows = tsm("history", "web").rows
    assert [(row["event"], row.get("code")) for row in rows] == [
        ("start", None),
        ("crash", 7),
        ("restart", None),
        ("stop", 143),
        ("restart", None),
        ("exit", 0),
        ("start", None),
        ("stop", 143),
    ]
    runs = [row["run"] for row in rows]
    assert runs[::2] == runs[1::2]
    assert len(set(runs)) == 4
    assert [row["restarts"] for row in rows if row["event"] == "restart"] == [1, 2]
    assert all(row["uptime_s"] >= 0 for row in rows if "code" in row)


def test_only_its_own_events_are_told(tsm: Tsm) -> None:
    for name in ("web", "other"):
        tsm("start", "sleep 1000", "--name", name)
    assert {row["name"] for row in tsm("history", "web").rows} == {"web"}


@pytest.mark.parametrize("words", [["all", "gone"], ["*", "gone"], ["gone", "web", "api"]])
def test_several_are_told_in_the_order_of_time(tsm: Tsm, words: list[str]) -> None:
    for name in ("web", "api", "gone"):
        tsm("start", "sleep 1000", "--name", name)
    tsm("delete", "gone")
    for name in ("web", "api"):  # one after the other, so that no two have the same time
        tsm("stop", name)
    rows = tsm("history", *words).rows
    assert rows == tsm("events").rows
    assert [row["name"] for row in rows[:5]] == ["web", "api", "gone", "gone", "gone"]
    assert len(rows) == 7
    assert tsm("history", "--since", repr(rows[-1]["time"]), *words).rows[-1] == rows[-1]


@pytest.mark.parametrize("word", ["web-4714", "web", "1", "we*"])
def test_a_process_is_named_as_everywhere(tsm: Tsm, word: str) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--port", "4714")
    assert tsm("history", word).row["name"] == "web-4714"


def test_a_deleted_process_is_given_by_its_full_name(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--port", "4715")
    tsm("delete", "web")
    assert events(tsm, "web-4715") == ["start", "stop", "delete"]
    assert tsm("history", "web", ok=False).status == 3


def test_those_of_one_name_have_one_history(tsm: Tsm) -> None:
    for _ in range(2):
        tsm("start", "sleep 1000", "--name", "web")
        tsm("delete", "web")
    assert events(tsm) == ["start", "stop", "delete"] * 2


def test_an_end_that_nobody_saw_has_no_code(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--restart", "no")
    kill_with_launcher(tsm, "web")
    tsm("patrol")
    rows = tsm("history", "web").rows
    assert [row["event"] for row in rows] == ["start", "crash"]
    assert rows[1]["code"] is None
    assert "code=unknown" in tsm("history", "web", "--table").out


def test_a_reboot_is_no_crash(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    reboot(tsm)
    tsm("patrol")
    rows = tsm("history", "web").rows
    assert [(row["event"], row.get("reason")) for row in rows] == [
        ("start", None),
        ("exit", "reboot"),
        ("start", None),
    ]


def test_giving_up_is_told_with_the_reason(tsm: Tsm) -> None:
    tsm("start", "false", "--name", "web", "--max-retries", "0", "--min-uptime", "60")
    eventually(lambda: events(tsm) == ["start", "crash", "errored"])
    assert "exited with 1" in tsm("history", "web").rows[-1]["reason"]


def test_who_needed_sigkill_is_told(tsm: Tsm) -> None:
    command = "trap '' TERM; while :; do sleep 1000; done"
    tsm("start", "--name", "web", "--stop-timeout", "0.1", "--", "sh", "-c", command)
    tsm("stop", "web")
    killed = tsm("history", "web").rows[-1]["killed"]
    assert any(text.startswith("sh (pid ") for text in killed)


def test_a_restart_after_a_signal_is_told_with_its_name(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web", "--min-uptime", "0").row["pid"]
    kill(pid)
    eventually(lambda: events(tsm) == ["start", "crash", "restart"])
    crash = tsm("history", "web").rows[1]
    assert (crash["code"], crash["signal"]) == (137, "SIGKILL")


def test_since_leaves_out_what_was_before(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    old = {"time": 1577880000, "event": "start", "name": "web", "run": "0" * 16, "pid": 1}
    path = history_file(tsm, "web")
    path.write_bytes(json.dumps(old).encode() + b"\n" + path.read_bytes())
    assert len(tsm("history", "web").rows) == 2
    assert len(tsm("history", "web", "--since", "1h").rows) == 1
    assert len(tsm("history", "web", "--since", "2020-01-02").rows) == 1
    assert tsm("history", "web", "--since", "noon", ok=False).status == 2


def test_a_torn_line_is_passed_over_and_costs_itself_alone(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    with history_file(tsm, "web").open("ab") as file:
        file.write(b'{"time":1577880000,"event":"cra')
    assert events(tsm) == ["start"]
    tsm("stop", "web")
    assert events(tsm) == ["start", "stop"]


def test_a_process_without_a_history_has_had_no_events(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    history_file(tsm, "web").unlink()
    assert tsm("history", "web").out == ""


def test_people_read_lines(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    first, second = tsm.on_terminal("history", "web", env={"NO_COLOR": "1"}).out.splitlines()
    assert "  start         web  pid=" in first
    assert "  stop          web  code=143 signal=SIGTERM uptime=" in second


@pytest.mark.parametrize("word", ["nobody", "../events/2020-01-01", "7", ".", "..", "", "w?"])
def test_an_unknown_name_is_3(tsm: Tsm, word: str) -> None:
    tsm("start", "sleep 1000", "--name", "elsewhere")
    events_of_a_day = tsm.home / "db/events/2020-01-01.jsonl"
    events_of_a_day.write_text('{"time":1577880000,"event":"start","name":"web"}\n')
    result = tsm("history", word, ok=False)
    assert (result.status, result.out) == (3, "")
    assert len(result.err.splitlines()) == 1
