"""tsm crashes: what a report tells, that each is written once, and how they are found again."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.files import Files
from tests.e2e.kernel import unrunnable
from tests.machine import kill
from tests.waiting import Gate, eventually
from tsm.patrol.sampling import Sampler
from tsm.store.home import Home

if TYPE_CHECKING:
    from tests.running import Tsm


def folder(tsm: Tsm, name: str = "web") -> Path:
    """Where the reports of a process lie."""
    return tsm.home / "db" / "crashes" / name


def crashed(tsm: Tsm, command: str, *options: str, name: str = "web") -> dict[str, Any]:
    """The report of the first crash of a process that is not started again."""
    tsm("start", command, "--name", name, "--restart", "no", *options)
    return eventually(lambda: tsm("crashes", name).rows)[0]


def script(path: Path, text: str) -> str:
    """The path of a program of that text."""
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_a_crash_is_told_with_its_code_its_last_words_and_the_rule(tsm: Tsm) -> None:
    command = "seq 300; echo no >&2; exit 3"
    row = crashed(tsm, command, "--env", "API_TOKEN=geheim", "--env", "LEVEL=debug")
    run = Files(tsm.home, "web").run
    assert {key: row[key] for key in ("kind", "name", "tsm_id", "run", "code", "signal")} == {
        "kind": "crash",
        "name": "web",
        "tsm_id": 1,
        "run": run["id"],
        "code": 3,
        "signal": None,
    }
    assert row["pid"] == int(run["pid"].split()[0])
    assert row["out"] == [str(number) for number in range(101, 301)]
    assert row["err"] == ["no"]
    assert row["rule"] == "restart no: exited with 3, left stopped"
    assert row["spec"]["command"] == command
    assert row["spec"]["env"] == {"API_TOKEN": "********", "LEVEL": "debug"}
    assert (row["core_allowed"], row["tree"], row["usage"]) == (None, None, None)
    assert 0 <= row["uptime_s"] < 60
    (path,) = folder(tsm).iterdir()
    assert path.name.endswith(f"Z-crash-{run['id']}.json")
    assert json.loads(path.read_bytes()) == row


def test_a_signal_is_told_by_name_and_whether_a_core_was_allowed(tsm: Tsm) -> None:
    killed = crashed(tsm, "kill -KILL $$")
    assert (killed["code"], killed["signal"], killed["core_allowed"]) == (137, "SIGKILL", False)
    piped = Path("/proc/sys/kernel/core_pattern").read_text().startswith("|")
    row = crashed(tsm, "kill -SEGV $$", "--rlimit", "core=0", name="other")
    assert (row["signal"], row["core_allowed"]) == ("SIGSEGV", piped)


def test_only_what_the_run_itself_wrote_is_told_and_a_crash_in_a_row_by_its_number(
    tsm: Tsm,
) -> None:
    tsm("start", "echo $TSM_RUN; exit 1", "--name", "web", "--max-retries", "1", "--delay", "0")
    rows = eventually(lambda: tsm("crashes", "--kind", "retries-exhausted").rows)
    rows = [*tsm("crashes", "--kind", "crash").rows, *rows]
    given_up = "restart always: 2 short runs in a row, the last exited with 1, given up"
    assert [row["rule"] for row in rows] == [
        "restart always: a short run, at once",
        given_up,
        given_up,
    ]
    assert [row["out"] for row in rows] == [[row["run"]] for row in rows]
    assert rows[0]["run"] != rows[1]["run"] == rows[2]["run"]


@pytest.mark.parametrize("compress", ["none", "gzip"])
def test_the_last_lines_reach_back_into_what_was_rotated_during_the_run(
    tsm: Tsm, compress: str
) -> None:
    gates = [Gate(tsm.cwd / f"gate{number}") for number in range(3)]
    talk = "; ".join(
        f"read x <{gate.path}; seq {100 * n + 1} {100 * n + 70}; echo $x >&2"
        for n, gate in enumerate(gates)
    )
    options = ("--restart", "no", "--log-compress", compress)
    tsm("start", "echo of another run", "--name", "web", *options)
    eventually(lambda: tsm("ls").row["status"] == "completed")
    tsm("start", f"{talk}; exit 3", "--name", "web", *options)
    for number, gate in enumerate(gates[:2]):
        gate.open(number)
        eventually(lambda n=number: f"{n}" in tsm("logs", "--err", "web").out)  # type: ignore[misc]
        assert tsm("rotate", "--force", "web").rows
    gates[2].open(2)
    row = eventually(lambda: tsm("crashes", "web").rows)[0]
    said = [str(100 * n + k) for n in range(3) for k in range(1, 71)]
    assert (row["out"], row["err"]) == (said[-200:], ["0", "1", "2"])


def test_a_start_that_fails_is_reported_also_where_nothing_is_left_of_it(tsm: Tsm) -> None:
    odd = unrunnable(tsm.cwd / "odd")
    tsm("start", odd, "--name", "fresh", ok=False)
    assert tsm("ls").out == ""
    row = tsm("crashes", "fresh").row
    assert (row["kind"], row["code"]) == ("start-failed", 127)
    assert (
        row["rule"]
        == f"start: cannot execute {odd}: No such file or directory (its interpreter or loader)"
    )
    assert row["err"][-1].endswith("No such file or directory")
    script(tsm.cwd / "odd", "#!/bin/sh\nexit 0\n")
    tsm("start", odd, "--name", "web", "--restart", "no")
    eventually(lambda: tsm("ls", "web").row["status"] == "completed")
    (tsm.cwd / "odd").unlink()
    for _ in range(2):
        tsm("start", "web", ok=False)
    rows = tsm("crashes", "web").rows
    assert [(row["run"], row["rule"]) for row in rows] == [
        (None, f"start: program not found: there is no {odd}")
    ] * 2


def test_a_restart_that_fails_is_reported_once_and_as_a_failed_start(tsm: Tsm, gate: Gate) -> None:
    program = script(tsm.cwd / "program", f"#!/bin/sh\nread code <{gate.path}\nexit $code\n")
    tsm("start", program, "--name", "web", "--min-uptime", "0")
    with gate.path.open("w") as way:  # its shell has read it by then
        Path(program).unlink()
        way.write("3\n")
    eventually(lambda: len(tsm("crashes", "web").rows) > 1)
    crash, failed = tsm("crashes", "web").rows[:2]
    assert (crash["kind"], crash["code"]) == ("crash", 3)
    assert (failed["kind"], failed["code"]) == ("start-failed", 127)
    assert failed["rule"] == f"start: cannot execute {program}: No such file or directory"


def test_a_patrol_that_cannot_start_a_process_says_so_once(tsm: Tsm, gate: Gate) -> None:
    broken = tsm.cwd / "broken"
    forbid = f"[ ! -e {broken} ] || {{ echo no database; exit 4; }}"
    tsm("start", gate.command, "--name", "web", "--pre-start", forbid)
    broken.touch()
    gate.open(3)
    Files(tsm.home, "web").await_event("hook")
    for _ in range(2):
        tsm("patrol", ok=None)
    crash, failed = tsm("crashes", "web").rows
    assert (crash["kind"], failed["kind"], failed["run"]) == ("crash", "start-failed", None)
    assert failed["rule"] == "start: not started: pre_start exited with 4: no database"


def test_a_crash_is_told_with_the_last_sample_of_the_run(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", "--restart", "no")
    assert Sampler().take(Home(str(tsm.home)), time.time(), 14) is None
    sample = tsm("metrics").row
    gate.open(3)
    row = eventually(lambda: tsm("crashes", "web").rows)[0]
    assert row["usage"] == {key: value for key, value in sample.items() if key != "name"}
    assert row["tree"] is None
    tsm("start", "web")
    gate.open(3)
    rows = eventually(lambda: tsm("crashes", "web").rows[1:])
    assert rows[0]["usage"] is None


def test_a_resident_knows_who_the_run_consisted_of(resident: Tsm) -> None:
    (resident.home / "config.toml").write_text('metrics_interval = "1s"\n')
    command = "sh -c 'sleep 1000 & exec sleep 1001'"
    resident("start", command, "--name", "web", "--restart", "no")
    child = Files(resident.home, "web").child
    eventually(lambda: len(resident("metrics").rows) > 1)
    os.kill(child, signal.SIGKILL)
    row = eventually(lambda: resident("crashes", "web").rows)[0]
    first, second = sorted(row["tree"], key=lambda one: one["pid"] != child)
    assert (first["pid"], first["comm"]) == (child, "sleep")
    assert (second["ppid"], second["comm"]) == (child, "sleep")
    assert row["usage"]["procs"] == 2
    shown = resident("crashes", "web", "--show", "--table").out
    assert f"tree\n  {child} sleep\n" in shown
    assert "\nusage       cpu=" in shown


def test_what_is_replaced_while_it_runs_is_told_as_it_is(resident: Tsm) -> None:
    options = ["--health", "command:false", "--health-interval", "100ms", "--health-retries", "1"]
    resident("start", "sleep 1000", "--name", "web", *options)
    row = eventually(lambda: resident("crashes", "--kind", "unhealthy").rows)[0]
    assert [one["comm"] for one in row["tree"]] == ["sleep"]
    assert row["usage"]["procs"] == 1


def test_a_stop_that_needed_sigkill_is_reported_and_one_that_did_not_is_not(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "good")
    command = "trap '' TERM; echo up; while :; do sleep 1000; done"
    tsm("start", command, "--name", "web", "--stop-timeout", "0.1")
    eventually((Files(tsm.home, "web").folder / "current.out").read_text)
    killed = tsm("stop", "web").row["killed"]
    tsm("stop", "good")
    row = tsm("crashes").row
    assert (row["name"], row["kind"], row["killed"]) == ("web", "stop-needed-kill", killed)
    assert row["rule"] == "stop: SIGTERM, and after 0.1 s SIGKILL"


def test_work_that_was_cut_short_and_is_done_again_reports_nothing_twice(tsm: Tsm) -> None:
    crashed(tsm, "exit 3")
    files = Files(tsm.home, "web")
    eventually(lambda: files.run["ended"])
    record = files.folder / "run"
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(line for line in lines if not line.startswith("ended")))
    tsm("patrol")
    assert files.run["ended"]
    assert len(tsm("crashes").rows) == 1


def test_a_report_that_was_left_undone_tells_of_that_run_alone(tsm: Tsm, gate: Gate) -> None:
    command = f"echo $TSM_RUN; read code <{gate.path}; exit $code"
    tsm("start", command, "--name", "web", "--min-uptime", "0")
    files = Files(tsm.home, "web")
    out, record = files.folder / "current.out", files.folder / "run"
    first = eventually(lambda: out.read_text().split())[0]
    head = record.read_text()
    gate.open(3)
    (crash,) = files.await_event("crash")
    eventually(lambda: len(out.read_text().split()) == 2)
    (path,) = eventually(lambda: list(folder(tsm).glob("*.json")))
    path.unlink()
    kept = files.folder / "run.unreported"
    eventually(lambda: not kept.exists())
    kept.write_text(f"{head}exit 3\nended {crash['time']}\n")
    tsm("patrol")
    row = tsm("crashes").row
    assert (row["run"], row["out"], row["code"], row["time"]) == (first, [first], 3, crash["time"])
    assert row["rule"] == "restart always: at once"
    assert not kept.exists()
    kept.write_text("id")
    assert tsm("check", ok=False).row["repair"] == f"rm {kept}"
    assert tsm("restart", "web").row["action"] == "restart"


def test_a_report_that_cannot_be_written_stops_nobody_and_is_told_as_lost(
    tsm: Tsm, gate: Gate
) -> None:
    tsm("start", gate.command, "--name", "web", "--min-uptime", "0")
    (tsm.home / "db" / "crashes").write_text("in the way")
    files = Files(tsm.home, "web")
    child = files.child
    gate.open(1)
    files.await_next_child(child)
    (crash,) = files.await_event("crash")
    (lost,) = files.await_event("report-lost")
    assert (lost["run"], lost["kind"]) == (crash["run"], "crash")
    (tsm.home / "db" / "crashes").unlink()


def test_reports_outlive_their_process_and_are_found_by_its_full_name(tsm: Tsm) -> None:
    crashed(tsm, "exit 1", "--port", "4791")
    crashed(tsm, "exit 2", name="other")
    assert [row["name"] for row in tsm("crashes").rows] == ["web-4791", "other"]
    assert tsm("crashes", "web").row["code"] == 1
    tsm("delete", "all")
    assert tsm("crashes", "web-4791").row["code"] == 1
    assert tsm("crashes", "web", ok=False).status == 3
    assert tsm("crashes", "--since", "1h", "--kind", "crash", "other", "web-4791").rows == (
        tsm("crashes").rows
    )
    assert tsm("crashes", "--since", "2100-01-01").out == ""
    assert tsm("crashes", "--kind", "unhealthy").out == ""
    assert tsm("crashes", "--kind", "odd", ok=False).status == 2
    assert tsm("check").out == ""


def test_people_read_a_line_for_each_or_the_newest_in_full(tsm: Tsm) -> None:
    crashed(tsm, "printf 'red \\033[31m\\n' >&2; exit 3")
    head, line = tsm("crashes", "--table").out.splitlines()
    assert head.split() == ["Time", "Name", "Kind", "Exit", "Uptime", "Rule"]
    assert line.split()[2:5] == ["web", "crash", "3"]
    shown = tsm("crashes", "web", "--show", "--table").out
    assert "\nexit        3\n" in shown
    assert shown.endswith("last of stderr\n  red \\x1b[31m\n")
    assert tsm("crashes", "web", "--last").row == tsm("crashes").row
    assert tsm("crashes", "--show", "all", ok=None).status == 0
    assert "not allowed with" in tsm("crashes", "web", "--show", "--last", ok=False).err
    tsm("start", "sleep 1000", "--name", "fine")
    assert tsm("crashes", "fine").out == ""
    assert tsm("crashes", "fine", "--show", ok=False).status == 1
    for option in ("--show", "--last"):
        result = tsm("crashes", option, "web", "fine", ok=False)
        assert (result.status, result.err.split()[2]) == (2, option)


def test_a_report_that_cannot_be_read_hides_no_other_and_check_repairs_it(tsm: Tsm) -> None:
    crashed(tsm, "exit 1")
    (bad,) = folder(tsm).iterdir()
    bad.write_text("{")
    tsm("start", "web")
    eventually(lambda: len(list(folder(tsm).iterdir())) == 2)
    result = tsm("crashes", ok=False)
    assert (result.status, len(result.rows)) == (6, 1)
    assert str(bad) in result.err
    (folder(tsm) / f"{bad.name}.new").write_text("{")
    (folder(tsm) / "notes.txt").write_text("")
    repairs = {row["path"]: row["repair"] for row in tsm("check", ok=False).rows}
    assert set(repairs) == {str(bad), f"{bad}.new", str(folder(tsm) / "notes.txt")}
    for repair in repairs.values():
        assert tsm.shell(repair).status == 0
    assert tsm("check").out == ""


def test_source_maps_are_asked_for_and_the_traces_in_a_report_are_mapped(tsm: Tsm) -> None:
    code = tsm.cwd / "app.js"
    code.write_text("throw 1\n//# sourceMappingURL=app.js.map\n")
    whole = {"version": 3, "sources": ["app.ts"], "mappings": "AAMA"}
    (tsm.cwd / "app.js.map").write_text(json.dumps(whole))
    command = f'echo "$NODE_OPTIONS"; echo "    at f ({code}:1:7)" >&2; exit 1'
    row = crashed(tsm, command, "--source-maps", "--env", "NODE_OPTIONS=--no-warnings")
    assert row["out"] == ["--no-warnings --enable-source-maps"]
    assert row["err"] == [f"    at f ({code}:1:7) -> {tsm.cwd}/app.ts:7:1"]


def test_an_end_that_nobody_saw_is_told_as_unknown(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--restart", "no")
    files = Files(tsm.home, "web")
    kill(files.launcher, files.child)
    tsm("patrol")
    row = tsm("crashes").row
    assert (row["ended"], row["code"], row["core_allowed"]) == (True, None, None)
    assert tsm("crashes", "--table").out.splitlines()[1].split()[4] == "?"
