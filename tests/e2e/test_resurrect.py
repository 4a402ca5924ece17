"""tsm resurrect: what was saved is back, once, and what is there is left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps import app
from tests.machine import (
    alive,
    child_and_launcher,
    kill,
    kill_with_launcher,
    processes,
    reboot,
)
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Tsm

    Damage = Callable[[dict[str, Any]], object]

ODD = os.fsdecode(b"a\xff\xfe\x80z")
AT_ONCE = ("--min-uptime", "0", "--delay", "0")


def saved_file(tsm: Tsm) -> Path:
    """The default one."""
    return tsm.home / "runtime/saved/default.json"


def lose_everything(tsm: Tsm) -> None:
    """What a new machine lacks: all processes, their directories, pids and locks."""
    pids = [row["pid"] for row in tsm("ls").rows if row["pid"] is not None]
    lose_directories(tsm)
    kill(*pids)


def lose_directories(tsm: Tsm) -> None:
    """The same while the children run on."""
    for folder in ("processes", "pids", "locks"):
        shutil.rmtree(tsm.home / "runtime" / folder)


def statuses(tsm: Tsm) -> dict[str, str]:
    """By name."""
    return {row["name"]: row["status"] for row in tsm("ls").rows}


def pids(tsm: Tsm) -> dict[str, int]:
    """By name."""
    return {row["name"]: row["pid"] for row in tsm("ls").rows}


def files(tsm: Tsm, name: str) -> dict[str, bytes]:
    """What defines a process, by file name."""
    return {file: (processes(tsm) / name / file).read_bytes() for file in ("spec.json", "env")}


def journal(tsm: Tsm) -> str:
    """All that has happened."""
    return tsm("events").out


def test_everything_is_back(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--port", "4713", env={"ODD": ODD})
    tsm(
        *("start", "--name", "worker", "--restart", "on-failure", "--stop-signal", "INT"),
        *("--env", f"OWN={ODD}", "--", "sleep", "1001"),
    )
    tsm("start", "sleep 1002", "--name", "down")
    tsm("stop", "down")
    before = {name: files(tsm, name) for name in statuses(tsm)}
    tsm("save")
    lose_everything(tsm)
    assert tsm("ls").out == ""
    rows = tsm("resurrect").rows
    assert {row["name"]: row["action"] for row in rows} == {
        "web-4713": "start",
        "worker": "start",
        "down": "define",
    }
    assert {name: files(tsm, name) for name in statuses(tsm)} == before
    assert statuses(tsm) == {"web-4713": "online", "worker": "online", "down": "stopped"}
    raw = Path(f"/proc/{pids(tsm)['web-4713']}/environ").read_bytes().split(b"\0")
    assert os.fsencode(f"ODD={ODD}") in raw
    raw = Path(f"/proc/{pids(tsm)['worker']}/environ").read_bytes().split(b"\0")
    assert os.fsencode(f"OWN={ODD}") in raw
    assert tsm("check").out == ""


def test_one_whose_child_runs_on_without_its_directory_is_not_made_twice(tsm: Tsm) -> None:
    for name in ("web", "other"):
        tsm("start", "sleep 1000", "--name", name)
    tsm("save")
    web, other = pids(tsm)["web"], pids(tsm)["other"]
    lose_directories(tsm)
    kill(other)
    refused = tsm("resurrect", ok=False)
    assert refused.row == {"name": "other", "action": "start"}
    assert refused.status == 7
    assert refused.err.startswith("tsm resurrect: web: its directory was removed, and its child,")
    tsm("attach", str(web), "--name", "web")
    tsm("resurrect")
    assert pids(tsm)["web"] == web


def test_a_job_waits_for_its_time_again(tsm: Tsm) -> None:
    tsm("start", "true", "--name", "tick", "--schedule", "0 0 1 1 *")
    tsm("save")
    lose_everything(tsm)
    assert tsm("resurrect").row == {"name": "tick", "action": "schedule"}
    assert statuses(tsm) == {"tick": "waiting"}


def test_a_second_time_changes_nothing(tsm: Tsm) -> None:
    for name in ("a", "b"):
        tsm("start", "sleep 1000", "--name", name)
    tsm("stop", "b")
    tsm("save")
    lose_everything(tsm)
    tsm("resurrect")
    before = pids(tsm), journal(tsm)
    rows = tsm("resurrect").rows
    assert {row["name"]: row["action"] for row in rows} == {"a": None, "b": None}
    assert (pids(tsm), journal(tsm)) == before


def test_what_is_there_is_left_as_it_is_defined(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("save")
    tsm("delete", "web")
    tsm("start", "sleep 1001", "--name", "web")
    before = files(tsm, "web"), pids(tsm)
    tsm("resurrect")
    assert (files(tsm, "web"), pids(tsm)) == before


def test_what_was_stopped_since_stays_stopped(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("save")
    tsm("stop", "web")
    tsm("resurrect")
    assert statuses(tsm) == {"web": "stopped"}


def test_a_stopped_one_that_is_back_can_be_started(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    tsm("save")
    lose_everything(tsm)
    tsm("resurrect")
    tsm("start", "web")
    assert statuses(tsm) == {"web": "online"}


def test_they_are_made_in_the_order_of_their_ids(tsm: Tsm) -> None:
    for name in ("z", "a", "m"):
        tsm("start", "sleep 1000", "--name", name)
    tsm("save")
    lose_everything(tsm)
    tsm("resurrect")
    assert list(statuses(tsm)) == ["z", "a", "m"]


def test_ids_are_new_and_restarts_are_counted_anew(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("restart", "web")
    tsm("save")
    tsm("delete", "web")
    tsm("resurrect")
    row = tsm("ls").row
    assert (row["tsm_id"], row["restarts"]) == (2, 0)


def test_a_named_save_is_read(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("save", "other")
    tsm("delete", "web")
    assert tsm("resurrect", "other").row == {"name": "web", "action": "start"}


def test_people_read_sentences(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("save")
    assert tsm.on_terminal("resurrect").out.startswith("web: ")


@pytest.mark.parametrize("policy", ["always", "on-failure", "unless-stopped"])
def test_after_a_reboot_what_was_up_is_up(tsm: Tsm, policy: str) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--restart", policy)
    tsm("start", "sleep 1000", "--name", "down")
    tsm("stop", "down")
    tsm("save")
    reboot(tsm)
    rows = tsm("resurrect").rows
    assert {row["name"]: row["action"] for row in rows} == {"web": "start", "down": None}
    assert statuses(tsm) == {"web": "online", "down": "stopped"}
    assert tsm("ls", "web").row["restarts"] == 0
    events = [(row["event"], row.get("reason")) for row in tsm("history", "web").rows]
    assert events == [("start", None), ("exit", "reboot"), ("start", None)]
    before = pids(tsm)
    tsm("resurrect")
    assert pids(tsm) == before


@pytest.mark.parametrize("policy", ["always", "on-failure"])
@pytest.mark.parametrize("command", ["sleep 1000", app("graceful.py")], ids=["dies", "exits 0"])
def test_after_a_shutdown_that_asked_first_what_was_up_is_up(
    tsm: Tsm, policy: str, command: str
) -> None:
    """Shutdown sends SIGTERM to all, and SIGKILL to who is left: the app may have exited 0."""
    tsm("start", command, "--name", "web", "--restart", policy, *AT_ONCE)
    if "graceful" in command:
        eventually(lambda: (processes(tsm) / "web/current.out").read_text() == "ready\n")
    tsm("save")
    child, launcher = child_and_launcher(tsm, "web")
    for pid in (launcher, child):
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: not alive(child))
    eventually(lambda: not alive(launcher))
    reboot(tsm)
    tsm("resurrect")
    assert statuses(tsm) == {"web": "online"}


def test_what_was_killed_with_its_launcher_is_restarted(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", *AT_ONCE)
    tsm("save")
    kill_with_launcher(tsm, "web")
    assert tsm("resurrect").row == {"name": "web", "action": "restart"}
    assert statuses(tsm) == {"web": "online"}


def test_two_at_once_give_one_instance_each(tsm: Tsm, tmp_path: Path) -> None:
    names = ("a", "b", "c", "d")
    for name in names:
        begun = tmp_path / name
        tsm("start", f"sh -c 'echo begun >>{begun}; exec sleep 1000'", "--name", name)
        eventually(begun.read_text)
    tsm("save")
    lose_everything(tsm)
    for name in names:
        (tmp_path / name).unlink()
    assert [one.status for one in tsm.at_once([("resurrect",)] * 3)] == [0] * 3
    assert statuses(tsm) == dict.fromkeys(names, "online")
    for name in names:
        assert eventually((tmp_path / name).read_text) == "begun\n"
        last = tsm("history", name).rows[-1]
        assert (last["event"], last["pid"]) == ("start", pids(tsm)[name])


def test_one_that_cannot_start_is_7_and_the_others_are_back(tsm: Tsm, tmp_path: Path) -> None:
    cwd = tmp_path / "gone"
    cwd.mkdir()
    tsm("start", "sleep 1000", "--name", "poor", "--cwd", cwd)
    tsm("start", "sleep 1000", "--name", "well")
    tsm("save")
    lose_everything(tsm)
    cwd.rmdir()
    result = tsm("resurrect", ok=False)
    assert result.status == 7
    assert [row["name"] for row in result.rows] == ["well"]
    assert "poor" in result.err
    assert statuses(tsm)["well"] == "online"
    cwd.mkdir()
    tsm("start", "poor")
    assert statuses(tsm)["poor"] == "online"


def test_one_that_is_broken_is_6_and_the_others_are_back(tsm: Tsm) -> None:
    for name in ("a", "b", "c"):
        tsm("start", "sleep 1000", "--name", name)
    tsm("save")
    tsm("delete", "a", "c")
    tsm("stop", "b")
    spec = processes(tsm) / "b/spec.json"
    before = spec.read_bytes()
    spec.write_bytes(b"garbage")
    result = tsm("resurrect", ok=False)
    assert result.status == 6
    assert str(spec) in result.err
    assert statuses(tsm) == {"b": "broken", "a": "online", "c": "online"}
    spec.write_bytes(before)


def _entry(change: Callable[[dict[str, Any]], object]) -> Damage:
    """Damage to the second entry."""
    return lambda values: change(values["processes"][1])


def _set(key: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda entry: entry.update({key: value})


def _spec(key: str, value: object) -> Damage:
    return lambda values: values["processes"][1]["spec"].update({key: value})


DAMAGES: dict[str, Damage] = {
    "another version": _set("version", 2),
    "no version": lambda values: values.pop("version"),
    "no processes": lambda values: values.pop("processes"),
    "processes that are no list": _set("processes", {}),
    "an entry that is no object": lambda values: values["processes"].append("web"),
    "an entry without a spec": _entry(lambda entry: entry.pop("spec")),
    "an entry without an env": _entry(lambda entry: entry.pop("env")),
    "an unknown wish": _entry(_set("wanted", "sideways")),
    "an env that is no list": _entry(_set("env", {"A": "1"})),
    "an env with a number": _entry(_set("env", [1])),
    "an env entry without =": _entry(_set("env", ["A"])),
    "an env entry with NUL": _entry(_set("env", ["A=1\0B=2"])),
    "an env entry that is no bytes": _entry(_set("env", ["A=\ud800"])),
    "no argv": lambda values: values["processes"][1]["spec"].pop("argv"),
    "an empty argv": _spec("argv", []),
    "an argv with NUL": _spec("argv", ["sleep\0"]),
    "an argv that is no bytes": _spec("argv", ["sleep", "\ud800"]),
    "a name that is a path": _spec("name", "../../evil"),
    "an empty name": _spec("name", ""),
    "a relative cwd": _spec("cwd", "here"),
    "a port out of range": _spec("port", 65536),
    "a port that is text": _spec("port", "80"),
    "an unknown signal": _spec("stop_signal", "NOPE"),
    "an unknown policy": _spec("restart", {"when": "perhaps"}),
    "the same name twice": lambda values: values["processes"].append(values["processes"][1]),
}


def save_by_hand(tsm: Tsm, values: object) -> None:
    """Have this in the saved file."""
    saved_file(tsm).parent.mkdir(parents=True)
    saved_file(tsm).write_text(values if isinstance(values, str) else json.dumps(values))


def sound(tsm: Tsm) -> dict[str, Any]:
    """The content of a saved file with two processes."""
    entries = [
        {
            "wanted": "up",
            "spec": {
                "name": name,
                "argv": ["sleep", "1000"],
                "command": "sleep 1000",
                "cwd": str(tsm.cwd),
            },
            "env": ["PATH=/usr/bin:/bin"],
        }
        for name in ("a", "b")
    ]
    return {"version": 1, "processes": entries}


def test_a_save_made_by_hand_is_as_good(tsm: Tsm) -> None:
    save_by_hand(tsm, sound(tsm))
    tsm("resurrect")
    assert statuses(tsm) == {"a": "online", "b": "online"}


@pytest.mark.parametrize("damage", [pytest.param(DAMAGES[name], id=name) for name in DAMAGES])
def test_a_damaged_save_is_refused_whole_with_6(tsm: Tsm, damage: Damage) -> None:
    values = sound(tsm)
    damage(values)
    save_by_hand(tsm, values)
    refused(tsm)


def refused(tsm: Tsm) -> None:
    """See the saved file refused with 6, and nothing made of it."""
    result = tsm("resurrect", ok=False)
    assert (result.status, result.out) == (6, "")
    assert result.err.startswith(f"tsm resurrect: {saved_file(tsm)}: ")
    assert len(result.err.splitlines()) == 1
    assert tsm("ls").out == ""
    assert {path.name for path in (tsm.home / "runtime").iterdir()} <= {
        *("locks", "patrol", "pids", "processes", "saved")
    }


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"\0", b"[" * 100_000])
def test_a_save_that_is_no_json_is_refused_with_6(tsm: Tsm, data: bytes) -> None:
    save_by_hand(tsm, "")
    saved_file(tsm).write_bytes(data)
    refused(tsm)


def test_a_damaged_save_leaves_what_is_there_alone(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("save")
    saved_file(tsm).write_bytes(b"{")
    before = pids(tsm)
    assert tsm("resurrect", ok=False).status == 6
    assert pids(tsm) == before


def test_keys_of_a_later_release_are_kept(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("save")
    tsm("delete", "web")
    values = json.loads(saved_file(tsm).read_bytes())
    values["processes"][0]["spec"]["colour"] = "green"
    values["processes"][0]["spec"]["restart"]["mood"] = "good"
    saved_file(tsm).write_text(json.dumps(values))
    tsm("resurrect")
    spec = json.loads(files(tsm, "web")["spec.json"])
    assert (spec["colour"], spec["restart"]["mood"]) == ("green", "good")


@pytest.mark.parametrize("save", ["nothing", "default"])
def test_an_unknown_save_is_3_with_a_hint(tsm: Tsm, save: str) -> None:
    result = tsm("resurrect", save, ok=False)
    assert (result.status, result.out) == (3, "")
    assert f"tsm save {save}" in result.err


def test_nothing_saved_and_nothing_asked_for_is_no_error(tsm: Tsm) -> None:
    """A machine that boots before the first save has nothing to bring back."""
    tsm("start", "sleep 1000", "--name", "web", *AT_ONCE)
    kill_with_launcher(tsm, "web")
    tsm("resurrect")
    assert statuses(tsm) == {"web": "online"}


@pytest.mark.parametrize("save", ["", "../saved/default", "a b", "."])
def test_a_bad_name_is_2(tsm: Tsm, save: str) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("save")
    assert tsm("resurrect", save, ok=False).status == 2
