"""tsm describe: everything about a process, and what is wrong with a broken one."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.machine import kill_with_launcher, processes
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    from tests.running import Tsm

KEYS = {
    *("health", "next", "settings"),
    *("tsm_id", "name", "status", "reason", "pid", "uptime_s", "restarts", "unstable_restarts"),
    *("cpu", "mem", "spec", "env_count", "run", "exits", "paths", "tree", "stderr"),
}
AT_ONCE = ("--min-uptime", "0", "--delay", "0")


def test_it_has_all_keys_whether_up_or_down(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    assert set(tsm("describe", "web").row) == KEYS
    tsm("stop", "web")
    assert set(tsm("describe", "web").row) == KEYS


def test_what_ls_says_is_said_here_as_well(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--port", "4716")
    tsm("restart", "web")
    described, listed = tsm("describe", "web").row, tsm("ls", "web").row
    for key in ("tsm_id", "name", "status", "pid", "restarts", "unstable_restarts"):
        assert described[key] == listed[key]
    assert listed["uptime_s"] >= described["uptime_s"]
    assert described["mem"] > 0


def test_the_definition_is_that_of_the_file(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--restart", "on-failure", "--stop-signal", "INT")
    row = tsm("describe", "web").row
    assert row["spec"] == json.loads((processes(tsm) / "web/spec.json").read_bytes())
    assert row["spec"]["restart"]["when"] == "on-failure"


def test_the_run_is_told(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    run = tsm("describe", "web").row["run"]
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert f"TSM_RUN={run['id']}".encode() in entries
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    assert run["launcher"] == int(stat[1])
    assert run["why"] == "start"


def test_a_process_that_has_never_run_has_no_run(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    tsm("save")
    tsm("delete", "web")
    tsm("resurrect")
    row = tsm("describe", "web").row
    assert (row["run"], row["pid"], row["tree"]) == (None, None, [])
    assert "web" in tsm("describe", "web", "--table").out


def test_what_is_down_has_no_child(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    row = tsm("describe", "web").row
    assert (row["status"], row["reason"]) == ("stopped", "by command")
    assert [row[key] for key in ("pid", "uptime_s", "cpu", "mem", "tree")] == [None] * 4 + [[]]


def test_the_last_five_ends_are_told_oldest_first(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", *AT_ONCE)
    for code in range(1, 7):
        gate.open(code)
        eventually(lambda code=code: tsm("ls", "web").row["restarts"] == code)  # type: ignore[misc]
    exits = tsm("describe", "web").row["exits"]
    assert [(one["event"], one["code"]) for one in exits] == [
        ("crash", code) for code in range(2, 7)
    ]


def test_an_end_that_nobody_saw_is_unknown(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--restart", "no")
    kill_with_launcher(tsm, "web")
    tsm("patrol")
    assert tsm("describe", "web").row["exits"][0]["code"] is None
    assert "code=unknown" in tsm("describe", "web", "--table").out


def test_the_tree_has_every_descendant_with_its_depth(tsm: Tsm) -> None:
    pid = tsm("start", app("says_signals.py", "2"), "--name", "web").row["pid"]
    eventually(lambda: (processes(tsm) / "web/current.out").read_text() == "ready\n")
    tree = tsm("describe", "web").row["tree"]
    assert [one["depth"] for one in tree] == [0, 1, 2]
    assert tree[0]["pid"] == pid
    for one in tree:
        assert one["command"].endswith("says_signals.py 2")
        assert one["mem"] > 0
        assert one["threads"] == 1
        assert one["cpu"] >= 0


def test_the_last_ten_lines_of_stderr_are_told(tsm: Tsm) -> None:
    tsm("start", "true", "--name", "web", "--restart", "no")
    tsm("wait", "web")
    lines = [f"{number}".encode() for number in range(20)]
    (processes(tsm) / "web/current.err").write_bytes(b"\n".join([*lines, b"\xff\x1b[31mred"]))
    assert tsm("describe", "web").row["stderr"] == [
        *(str(number) for number in range(11, 20)),
        "\ufffd\x1b[31mred",
    ]
    assert "\\x1b[31mred" in tsm("describe", "web", "--table").out


def test_a_log_that_is_no_file_tells_nothing(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    log = processes(tsm) / "web/current.err"
    log.unlink()
    log.mkdir()
    row = tsm("describe", "web").row
    assert (row["status"], row["stderr"]) == ("online", [])


def test_its_paths_are_there(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    paths = tsm("describe", "web").row["paths"]
    assert set(paths) == {"directory", "out", "err", "history"}
    assert all(Path(path).exists() for path in paths.values())


def test_variables_are_counted(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    count = len(tsm("env", "web").rows)
    assert tsm("describe", "web").row["env_count"] == count
    assert f"{count} variables" in tsm("describe", "web", "--table").out


@pytest.mark.parametrize("form", ["--json", "--table"])
def test_what_env_masks_is_masked_here_as_well(tsm: Tsm, form: str) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--env", "DB_PASSWORD=s3cr3t", "--env", "LEVEL=1")
    assert "s3cr3t" not in tsm("describe", "web", form).out
    assert tsm("describe", "web").row["spec"]["env"]["LEVEL"] == "1"


def test_people_read_a_page(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--port", "4717")
    shown = tsm.on_terminal("describe", "web", env={"NO_COLOR": "1"}).out
    facts = dict(line.split(maxsplit=1) for line in shown.splitlines() if " " in line.strip())
    assert facts["name"] == "web-4717 (id 1)"
    assert facts["status"] == "online"
    assert facts["port"] == "4717"
    assert facts["restarts"] == "0 (0 short runs in a row)"
    assert facts["stop"] == "SIGTERM, then SIGKILL after 10 s"
    assert "sleep 1000" in shown
    assert "None" not in shown


def test_odd_bytes_and_control_characters_break_nothing(tsm: Tsm, tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff\x1b[31m\n")
    cwd = tmp_path / odd
    cwd.mkdir()
    tsm("start", "--name", "web", "--", "sh", "-c", "sleep 1000; true", odd, cwd=cwd)
    row = tsm("describe", "web").row
    assert row["spec"]["argv"][-1] == odd
    assert row["spec"]["cwd"] == str(cwd)
    shown = tsm("describe", "web", "--table")
    assert "\x1b" not in shown.out
    assert shown.err == ""


def test_several_come_in_the_order_of_their_ids(tsm: Tsm) -> None:
    for name in ("z", "a"):
        tsm("start", "sleep 1000", "--name", name)
    assert [row["name"] for row in tsm("describe", "all").rows] == ["z", "a"]


@pytest.mark.parametrize("file", ["spec.json", "meta.json", "run"])
@pytest.mark.parametrize("up", [True, False])
def test_a_broken_one_is_6_and_the_others_are_told(tsm: Tsm, file: str, *, up: bool) -> None:
    for name in ("a", "b", "c"):
        tsm("start", "sleep 1000", "--name", name)
    if not up:
        tsm("stop", "b")
    path = processes(tsm) / "b" / file
    sound = path.read_bytes()
    path.write_bytes(b"garbage\n")
    try:
        result = tsm("describe", "all", ok=False)
        assert result.status == 6
        rows = {row["name"]: row for row in result.rows}
        assert {name: row["status"] for name, row in rows.items()} == {
            "a": "online",
            "b": "broken",
            "c": "online",
        }
        assert str(path) in rows["b"]["reason"]
        shown = tsm("describe", "b", "--table", ok=False).out
        assert str(path) in shown
    finally:
        path.write_bytes(sound)


def test_an_unknown_name_is_3(tsm: Tsm) -> None:
    result = tsm("describe", "nobody", ok=False)
    assert (result.status, result.out) == (3, "")


@pytest.mark.parametrize("up", [True, False])
def test_an_environment_that_cannot_be_read_hides_nothing_else(tsm: Tsm, *, up: bool) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    if not up:
        tsm("stop", "web")
    path = processes(tsm) / "web/env"
    path.write_bytes(b"junk")
    result = tsm("describe", "web", ok=False)
    assert (result.status, result.err.count("\n"), str(path) in result.err) == (6, 1, True)
    row = result.row
    assert set(row) == KEYS
    assert (row["status"], row["env_count"]) == ("online" if up else "stopped", None)
    assert row["run"]["why"] == "start"
    shown = tsm("describe", "web", "--table", ok=False)
    assert re.search(r"^environment +cannot be read$", shown.out, re.MULTILINE)
