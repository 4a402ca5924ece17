"""tsm check: every damage by its path, with a repair that works."""

from __future__ import annotations

import json
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files
from tests.machine import processes, reboot
from tests.waiting import Gate, eventually
from tsm.store import lock
from tsm.store.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.running import Tsm

    Damage = Callable[[Path], None]

_COMMAND = re.compile(r"\b(?:tsm|rm|mv|sed|chmod) .*?(?= \(|, and |$)")
ODD = os.fsdecode(b"a\xff\xfe")


def used(tsm: Tsm) -> None:
    """A home with a process online and one stopped, a save, and a history."""
    tsm("start", "sleep 1000", "--name", "web", env={"ODD": ODD})
    tsm("start", "sleep 1000", "--name", "down")
    tsm("stop", "down")
    tsm("save")


def followed(tsm: Tsm, row: dict[str, str]) -> None:
    """Do what the repair says, as a user would: by a shell."""
    found = _COMMAND.search(row["repair"])
    if found is not None:
        result = tsm.shell(found[0])
        assert result.status == 0, result
    else:
        assert row["repair"] == "correct it, or remove it"
        os.unlink(row["path"])  # noqa: PTH108 - it is text


def content(data: bytes) -> Damage:
    """Have this instead."""
    return lambda path: _write(path, data)


def added(data: bytes) -> Damage:
    """Have this at the end."""
    return lambda path: _write(path, path.read_bytes() + data)


def changed(key: str, value: object) -> Damage:
    """Have another value of a key."""
    return lambda path: _write(
        path, json.dumps({**json.loads(path.read_bytes()), key: value}).encode()
    )


def entry(key: str, value: object) -> Damage:
    """Have another value in the spec of the first entry of a saved file."""

    def damage(path: Path) -> None:
        values = json.loads(path.read_bytes())
        values["processes"][0]["spec"][key] = value
        _write(path, json.dumps(values).encode())

    return damage


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def _unlink(path: Path) -> None:
    path.unlink()


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _made(path: Path) -> None:
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _readable(path: Path) -> None:
    path.chmod(0o644)


def _half_made(path: Path) -> None:
    path.mkdir()
    (path / "spec.json").write_bytes(b"{")


DAMAGES = (
    ("runtime/processes/web/spec.json", _unlink, "no spec"),
    ("runtime/processes/web/spec.json", content(b"garbage"), "a spec of garbage"),
    ("runtime/processes/web/spec.json", content(b'"text"'), "a spec that is no object"),
    ("runtime/processes/web/spec.json", changed("argv", []), "a spec without a command"),
    ("runtime/processes/web/spec.json", changed("port", 99999), "a port out of range"),
    ("runtime/processes/web/spec.json", changed("name", "other"), "a spec of another"),
    ("runtime/processes/web/spec.json", changed("stop_signal", "NOPE"), "an unknown signal"),
    ("runtime/processes/web/spec.json", changed("restart", {"when": "x"}), "an unknown policy"),
    ("runtime/processes/web/meta.json", _unlink, "no meta"),
    ("runtime/processes/web/meta.json", content(b"\xff"), "a meta of garbage"),
    ("runtime/processes/web/meta.json", changed("tsm_id", "one"), "an id that is text"),
    ("runtime/processes/web/meta.json", changed("restarts", -3), "restarts out of range"),
    ("runtime/processes/web/meta.json", changed("name", "other"), "a meta of another"),
    ("runtime/processes/web/run", _unlink, "no run record of a child"),
    ("runtime/processes/web/run", content(b"garbage\n"), "a run record of garbage"),
    ("runtime/processes/web/run", content(b"id 0123456789abcdef\n"), "a record without a boot"),
    ("runtime/processes/web/run", added(b"pid many words\n"), "a record with a bad pid"),
    ("runtime/processes/web/env", _unlink, "no env"),
    ("runtime/processes/web/env", content(b"NO_SIGN\0"), "an env of garbage"),
    ("runtime/processes/web/down", _made, "a wish that is a directory"),
    ("runtime/processes/web/down.new", _made, "a directory in the way of a wish"),
    ("runtime/processes/web/meta.json", _fifo, "a meta that is a FIFO"),
    ("runtime/processes/web/current.err", _directory, "a log that is a directory"),
    ("runtime/processes/web/env", _readable, "an env that others may read"),
    ("runtime/processes/web/spec.json.new", content(b"{"), "an unfinished spec"),
    ("runtime/processes/web/env.new", content(b""), "an unfinished env"),
    ("runtime/processes/.new.new", _half_made, "a half-made directory"),
    ("runtime/processes/.old.gone", _half_made, "a half-removed directory"),
    ("runtime/processes/file", content(b""), "a file among the directories"),
    ("runtime/last_id", content(b"many\n"), "a last id of garbage"),
    ("runtime/last_id", content(b"9" * 20), "a last id out of range"),
    ("runtime/last_id.new", content(b"1"), "an unfinished last id"),
    ("runtime/locks/nobody.lock", content(b""), "a lock of nobody"),
    ("config.toml", content(b"patrol = \n"), "a config that is no TOML"),
    ("config.toml", content(b"\xff\n"), "a config that is no text"),
    ("db/history/web.jsonl", added(b"garbage\n"), "a history with a bad line"),
    ("db/history/web.jsonl", added(b"\n[]\n{}\n"), "a history with several bad lines"),
    ("db/history/web.jsonl", added(b'{"time":1'), "a history with a torn line"),
    ("db/history/web.lost", content(b"\0\0"), "events that could not be written"),
    ("db/events/2020-01-01.jsonl", content(b"\xff\n\0\n"), "a day of garbage"),
    ("db/metrics/2020-01-01.jsonl", content(b'{"time":1,"name":"web"}\n'), "no samples"),
)
DAMAGES_TO_A_SAVE = (
    ("runtime/saved/default.json", content(b"{"), "a save of garbage"),
    ("runtime/saved/default.json", changed("version", 9), "a save of another version"),
    ("runtime/saved/default.json", entry("argv", []), "a save with a bad spec"),
    ("runtime/saved/default.json", entry("port", 99999), "a save with a port out of range"),
    ("runtime/saved/default.json", entry("name", "down"), "a save with a name twice"),
    ("runtime/saved/default.json", _readable, "a save that others may read"),
    ("runtime/saved/default.json.new", content(b"{"), "an unfinished save"),
)


def each(damages: tuple[tuple[str, Damage, str], ...]) -> pytest.MarkDecorator:
    """One test for each of them."""
    rows = [pytest.param(file, damage, id=name) for file, damage, name in damages]
    return pytest.mark.parametrize(("file", "damage"), rows)


def test_a_home_that_is_not_there_is_clean_and_stays_away(tsm: Tsm) -> None:
    result = tsm("check", env={"TSM_HOME": str(tsm.cwd / "nowhere")})
    assert result.out == ""
    assert not (tsm.cwd / "nowhere").exists()


def test_an_empty_home_is_clean(tsm: Tsm) -> None:
    result = tsm("check")
    assert (result.out, result.err) == ("", f"{tsm.home}: all files are as documented\n")


def test_a_home_with_processes_in_every_state_is_clean(tsm: Tsm, gate: Gate) -> None:
    used(tsm)
    tsm("start", "true", "--name", "completed", "--restart", "no")
    tsm("start", "false", "--name", "errored", "--max-retries", "0", "--min-uptime", "60")
    tsm("start", gate.command, "--name", "waiting", "--delay", "1000", "--max-delay", "1000")
    gate.open(1)
    for name in ("completed", "errored", "waiting"):
        eventually(lambda name=name: tsm("ls", name).row["status"] == name)  # type: ignore[misc]
    tsm("restart", "web")
    tsm("delete", "down")
    (tsm.home / "config.toml").write_text("")
    assert tsm("check").out == ""


def test_a_home_after_a_reboot_is_clean(tsm: Tsm) -> None:
    used(tsm)
    reboot(tsm)
    assert tsm("check").out == ""


def repaired(tsm: Tsm, file: str) -> None:
    """See that just this file is found, and that the repair leads to a clean home."""
    result = tsm("check", ok=False)
    assert (result.status, result.err) == (6, "")
    row = result.row
    assert set(row) == {"path", "problem", "repair"}
    assert row["path"] == f"{tsm.home}/{file}"
    assert row["problem"]
    followed(tsm, row)
    assert tsm("check").out == ""


@each(DAMAGES)
def test_damage_is_named_and_its_repair_leads_to_a_clean_home(
    tsm: Tsm, file: str, damage: Damage
) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    damage(tsm.home / file)
    repaired(tsm, file)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("web", "runtime/processes/web/run.new"),
        ("new", "runtime/processes/.new.new"),
        ("web", "db/crashes/web/2026-11-30.json.new"),
        (lock.HOME, "runtime/last_id.new"),
        (lock.SAVED, "runtime/saved/default.json.new"),
    ],
)
def test_what_somebody_is_at_work_on_is_no_damage(tsm: Tsm, name: str, file: str) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    path = tsm.home / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock.held(Home(str(tsm.home)), name, 10):
        path.write_bytes(b"")
        assert tsm("check").out == ""
    assert str(path) in [row["path"] for row in tsm("check", ok=False).rows]


def test_a_child_whose_directory_was_removed_is_named_and_can_be_had_back(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "other")
    pids = []
    for _ in range(2):
        pids.append(tsm("start", "sleep 1000", "--name", "web").row["pid"])
        shutil.rmtree(processes(tsm) / "web")
        Files(tsm.home, "web").pid_file.unlink()  # which keeps another from being started
    tsm("start", "sleep 1000", "--name", "web")
    rows = tsm("check", ok=False).rows
    assert {row["path"] for row in rows} == {str(processes(tsm) / "web")}
    assert sorted(row["problem"] for row in rows) == sorted(
        f"was removed, and its child, pid {pid}, runs on" for pid in pids
    )
    tsm("delete", "web")
    while rows := tsm("check", ok=None).rows:
        followed(tsm, rows[0])
    assert tsm("check").out == ""
    assert {row["pid"] for row in tsm("ls").rows} > set(pids)
    tsm("stop", "all")


@each(DAMAGES_TO_A_SAVE)
def test_damage_to_a_save_is_named_and_repaired_as_well(
    tsm: Tsm, file: str, damage: Damage
) -> None:
    used(tsm)
    damage(tsm.home / file)
    damaged = (tsm.home / file).read_bytes()
    repaired(tsm, file)
    kept = [path.read_bytes() for path in (tsm.home / file).parent.iterdir()]
    assert file.endswith(".new") or damaged in kept


@pytest.mark.parametrize("file", ["spec.json", "meta.json", "run", "env"])
def test_damage_to_what_is_down_is_repaired_as_well(tsm: Tsm, file: str) -> None:
    used(tsm)
    content(b"garbage\n")(processes(tsm) / "down" / file)
    repaired(tsm, f"runtime/processes/down/{file}")
    assert tsm("ls", "web").row["status"] == "online"


@pytest.mark.parametrize(
    "file",
    [
        "runtime/processes/down/env",
        "runtime/processes/down/env.new",
        "runtime/processes/file",
        "runtime/last_id",
        "db/history/web.jsonl",
    ],
)
def test_repairs_hold_for_a_home_with_a_space_in_its_path(tsm: Tsm, file: str) -> None:
    home = tsm.cwd / "my own home"
    elsewhere = tsm.at(home)
    try:
        used(elsewhere)
        path = home / file
        path.write_bytes(b"garbage\n")
        path.chmod(0o644)
        for row in elsewhere("check", ok=False).rows:
            followed(elsewhere, row)
        assert elsewhere("check").out == ""
    finally:
        elsewhere("delete", "all")


def test_every_damage_is_named_at_once(tsm: Tsm) -> None:
    used(tsm)
    named = {
        "runtime/processes/down/spec.json": b"garbage",
        "runtime/processes/down/run": b"garbage\n",
        "runtime/processes/web/env": b"garbage",
        "runtime/saved/default.json": b"garbage",
        "runtime/last_id": b"garbage",
        "config.toml": b"garbage",
        "db/history/down.jsonl": b"garbage\n",
    }
    for file, data in named.items():
        (tsm.home / file).write_bytes(data)
    rows = tsm("check", ok=False).rows
    assert {row["path"] for row in rows} == {f"{tsm.home}/{file}" for file in named}


def test_what_check_finds_broken_is_broken_for_ls_as_well(tsm: Tsm) -> None:
    used(tsm)
    changed("port", 99999)(processes(tsm) / "down/spec.json")
    assert tsm("ls", "down").row["status"] == "broken"
    assert tsm("check", ok=False).status == 6


def test_what_is_out_of_range_in_meta_is_broken_for_ls_and_named(tsm: Tsm) -> None:
    used(tsm)
    changed("port", 70000)(processes(tsm) / "down/meta.json")
    assert tsm("ls", "down").row["status"] == "broken"
    assert "port is 70000" in tsm("check", ok=False).row["problem"]


def test_an_id_that_two_have_is_named_and_means_neither(tsm: Tsm) -> None:
    used(tsm)
    changed("tsm_id", 2)(processes(tsm) / "web/meta.json")
    result = tsm("stop", "2", ok=False)
    assert (result.status, "down, web" in result.err) == (2, True)
    assert tsm("ls", "web").row["status"] == "online"
    repaired(tsm, "runtime/processes/web/meta.json")


@pytest.mark.parametrize("name", ["b ad", "nl\nx", "\udcff", "-x", "*", "all", "no$(such)"])
def test_a_repair_is_fit_for_a_shell_whatever_the_name(tsm: Tsm, name: str) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    (processes(tsm) / name).mkdir()
    shown = tsm("check", "--table", ok=False).out
    assert all(line.isprintable() for line in shown.splitlines())
    assert shown.count("\n  repair: tsm delete ") == shown.count("\n") // 2
    assert "--update-env" not in shown
    followed(tsm, tsm("check", ok=False).rows[0])
    assert tsm("check").out == ""
    assert [row["name"] for row in tsm("ls").rows] == ["web"]


@pytest.mark.parametrize("lines", [1, 101])
def test_lines_of_the_journal_that_hold_nothing_are_removed_by_a_command_alone(
    tsm: Tsm, lines: int
) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    history = tsm.home / "db/history/web.jsonl"
    kept = history.read_bytes()
    history.write_bytes(kept + b"garbage\n" * lines)
    while rows := tsm("check", ok=None).rows:
        assert tsm.shell(rows[0]["repair"]).status == 0
    assert history.read_bytes() == kept


def test_a_folder_with_a_dot_first_is_called_so(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    (processes(tsm) / ".foo").mkdir()
    assert tsm("check", ok=False).row["problem"] == "not a process: its name begins with a dot"
    repaired(tsm, "runtime/processes/.foo")


def test_it_changes_nothing(tsm: Tsm) -> None:
    used(tsm)
    for file, damage in {file: damage for file, damage, _ in DAMAGES + DAMAGES_TO_A_SAVE}.items():
        damage(tsm.home / file)
    before = _tree(tsm.home)
    tsm("check", ok=False)
    assert _tree(tsm.home) == before


def _tree(home: Path) -> dict[str, bytes | None]:
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in sorted(home.rglob("*"))
        if not path.is_symlink()
    }


def test_people_read_the_problem_and_the_repair(tsm: Tsm) -> None:
    used(tsm)
    (tsm.home / "runtime/last_id").write_bytes(b"many\n")
    result = tsm.on_terminal("check")
    assert result.status == 6
    assert result.out.startswith(f"{tsm.home}/runtime/last_id: ")
    assert "\n  repair: rm " in result.out


def test_a_folder_in_the_place_of_a_file_is_named_and_the_rest_as_well(tsm: Tsm) -> None:
    used(tsm)
    (tsm.home / "db/events/2020-01-01.jsonl").mkdir()
    (tsm.home / "runtime/locks/nobody.lock").write_bytes(b"")
    rows = tsm("check", ok=False).rows
    paths = {row["path"].removeprefix(f"{tsm.home}/") for row in rows}
    assert paths == {"db/events/2020-01-01.jsonl", "runtime/locks/nobody.lock"}


@pytest.mark.parametrize("folder", ["db/metrics", "db/crashes"])
def test_a_file_in_the_place_of_a_folder_is_named_and_moved_aside(tsm: Tsm, folder: str) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    (tsm.home / folder).write_bytes(b"")
    repaired(tsm, folder)
