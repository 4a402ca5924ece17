"""tsm save: every process with its environment, and whether it is wanted up."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps import app
from tests.machine import kill, kill_with_launcher, processes
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running import Tsm


def saved_file(tsm: Tsm, save: str = "default") -> Path:
    """Where it lies."""
    return tsm.home / f"runtime/saved/{save}.json"


def saved(tsm: Tsm, save: str = "default") -> dict[str, Any]:
    """The entries of a saved file, by name."""
    entries = json.loads(saved_file(tsm, save).read_bytes())["processes"]
    return {entry["spec"]["name"]: entry for entry in entries}


def wanted(tsm: Tsm) -> str:
    """What a save says of `web`."""
    tsm("save")
    word: str = saved(tsm)["web"]["wanted"]
    return word


def test_every_process_is_in_it_with_definition_environment_and_wish(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--port", "4712", "--env", "LEVEL=debug")
    tsm("start", "sleep 1001", "--name", "cron", "--restart", "on-failure")
    tsm("stop", "cron")
    assert tsm("save").row == {
        "save": "default",
        "path": str(saved_file(tsm)),
        "processes": 2,
    }
    assert json.loads(saved_file(tsm).read_bytes())["version"] == 1
    found = saved(tsm)
    assert {name: entry["wanted"] for name, entry in found.items()} == {
        "web-4712": "up",
        "cron": "down",
    }
    for name, entry in found.items():
        directory = processes(tsm) / name
        assert entry["spec"] == json.loads((directory / "spec.json").read_bytes())
        environ = b"".join(os.fsencode(text) + b"\0" for text in entry["env"])
        assert environ == (directory / "env").read_bytes()


def test_it_is_private(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("save")
    assert saved_file(tsm).stat().st_mode & 0o777 == 0o600
    assert saved_file(tsm).parent.stat().st_mode & 0o777 == 0o700


def test_a_save_can_have_a_name(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("save", "before-upgrade")
    tsm("delete", "web")
    assert "web" in saved(tsm, "before-upgrade")
    assert not saved_file(tsm).exists()


def test_an_older_save_is_replaced_whole(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "old", "--env", f"LONG={'x' * 10_000}")
    tsm("save")
    tsm("delete", "old")
    tsm("start", "sleep 1000", "--name", "new")
    tsm("save")
    assert set(saved(tsm)) == {"new"}
    assert [path.name for path in saved_file(tsm).parent.iterdir()] == ["default.json"]


def test_nothing_can_be_saved_as_well(tsm: Tsm) -> None:
    assert tsm("save").row["processes"] == 0
    assert saved(tsm) == {}


def test_people_read_a_sentence(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    assert str(saved_file(tsm)) in tsm.on_terminal("save").out


def test_who_waits_for_a_restart_is_wanted_up(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", "--delay", "1000", "--max-delay", "1000")
    gate.open(1)
    eventually(lambda: tsm("ls", "web").row["status"] == "waiting")
    assert wanted(tsm) == "up"


def test_who_was_given_up_is_wanted_up(tsm: Tsm) -> None:
    tsm("start", "false", "--name", "web", "--max-retries", "0", "--min-uptime", "60")
    eventually(lambda: tsm("ls", "web").row["status"] == "errored")
    assert wanted(tsm) == "up"


def test_who_was_killed_with_its_launcher_is_wanted_up(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    kill_with_launcher(tsm, "web")
    assert wanted(tsm) == "up"


def test_who_has_completed_is_wanted_down(tsm: Tsm) -> None:
    tsm("start", "true", "--name", "web", "--restart", "no")
    tsm("wait", "web")
    assert wanted(tsm) == "down"


@pytest.mark.parametrize(("command", "word"), [("restart", "up"), ("stop", "down")])
def test_what_counts_is_how_a_command_under_way_will_end(tsm: Tsm, command: str, word: str) -> None:
    pid = tsm("start", app("ignores_term.py"), "--name", "web", "--stop-timeout", "60").row["pid"]
    eventually(lambda: (processes(tsm) / "web/current.out").read_text() == "ready\n")
    program = tsm.spawn(command, "web")
    eventually(lambda: tsm("ls", "web").row["status"] == "stopping")
    assert wanted(tsm) == word
    kill(pid)
    assert program.wait(30) == 0
    tsm("signal", "KILL", "web", ok=None)  # so that no time-out is to be waited for in the end


def test_bytes_that_are_not_utf8_are_in_it(tsm: Tsm) -> None:
    odd = os.fsdecode(b"a\xff\xfe\x80z")
    tsm("start", "--name", "web", "--", "sleep", "1000", env={"ODD": odd})
    tsm("save")
    assert f"ODD={odd}" in saved(tsm)["web"]["env"]


@pytest.mark.parametrize("file", ["spec.json", "meta.json", "run", "env"])
def test_nothing_is_written_where_a_process_is_broken(tsm: Tsm, file: str) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("start", "sleep 1000", "--name", "well")
    tsm("save")
    before = saved_file(tsm).read_bytes()
    tsm("stop", "web")
    path = processes(tsm) / "web" / file
    sound = path.read_bytes()
    path.write_bytes(b"garbage\0")
    result = tsm("save", ok=False)
    assert (result.status, result.out) == (6, "")
    assert str(path) in result.err
    assert saved_file(tsm).read_bytes() == before
    path.write_bytes(sound)


@pytest.mark.parametrize("save", ["../default", "a/b", ".", "", "a b", "all"])
def test_a_bad_name_is_2(tsm: Tsm, save: str) -> None:
    result = tsm("save", save, ok=False)
    assert (result.status, result.out) == (2, "")
    assert result.err == f"tsm save: {save!r}: not a name for a saved file\n"


def test_two_saves_at_once_leave_a_whole_file(tsm: Tsm) -> None:
    for name in ("a", "b"):
        tsm("start", "sleep 1000", "--name", name)
    assert [one.status for one in tsm.at_once([("save",)] * 4)] == [0] * 4
    assert set(saved(tsm)) == {"a", "b"}


def test_a_directory_in_the_place_of_the_file_is_named_and_nothing_is_left(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    folder = tsm.home / "runtime/saved"
    (folder / "z.json").mkdir()
    result = tsm("save", "z", ok=False)
    assert (result.status, result.err) == (7, f"tsm save: {folder}/z.json: Is a directory\n")
    assert [path.name for path in folder.iterdir()] == ["z.json"]
