"""`tsm delete`: the process is gone, what happened to it is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files, below
from tests.e2e.kernel import children, long_sleep, running
from tests.machine import alive, kill
from tests.proc import argv_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Tsm
    from tests.waiting import Gate


def started(tsm: Tsm, *names: str) -> None:
    for name in names:
        tsm("start", "--name", name, "--", *long_sleep())


def names(tsm: Tsm) -> list[str]:
    return [row["name"] for row in tsm("ls").rows]


def test_answer_is_one_json_row(tsm: Tsm) -> None:
    started(tsm, "web")
    assert tsm("delete", "web").row == {
        "tsm_id": 1,
        "name": "web",
        "action": "delete",
        "killed": [],
    }
    started(tsm, "web")
    assert tsm.on_terminal("delete", "web").out == "web: deleted\n"


def test_directory_lock_and_pid_are_gone_and_the_history_is_kept(tsm: Tsm) -> None:
    argv = long_sleep()
    tsm("start", "--name", "web", "--", *argv)
    files = Files(tsm.home, "web")
    launcher = files.launcher
    tsm("delete", "web")
    assert running(*argv) == []
    eventually(lambda: not alive(launcher))
    assert [path for path in below(tsm.home) if "web" in path] == ["db/history/web.jsonl"]
    assert files.event_names() == ["start", "stop", "delete"]
    assert "run" not in files.events[-1]


def test_history_goes_on_when_the_name_comes_back(tsm: Tsm) -> None:
    started(tsm, "web")
    tsm("delete", "web")
    started(tsm, "web")
    assert Files(tsm.home, "web").event_names() == ["start", "stop", "delete", "start"]
    assert tsm("ls").row["tsm_id"] == 2


def test_what_is_down_is_deleted_without_a_further_stop(tsm: Tsm) -> None:
    started(tsm, "web")
    tsm("stop", "web")
    tsm("delete", "web")
    assert Files(tsm.home, "web").event_names() == ["start", "stop", "delete"]
    assert names(tsm) == []


def test_what_waits_for_its_restart_is_deleted_with_its_launcher(tsm: Tsm, gate: Gate) -> None:
    tsm("start", gate.command, "--name", "web", "--delay", "1h", "--max-delay", "1h")
    launcher = Files(tsm.home, "web").launcher
    gate.open(3)
    eventually(lambda: [pid for pid in children(launcher) if "sleep" in argv_of(pid)])
    tsm("delete", "web")
    eventually(lambda: not alive(launcher))
    assert below(tsm.home / "runtime" / "processes") == []


def test_what_has_lost_its_launcher_is_deleted(tsm: Tsm) -> None:
    argv = long_sleep()
    tsm("start", "--name", "web", "--", *argv)
    kill(Files(tsm.home, "web").launcher)
    tsm("delete", "web")
    assert running(*argv) == []


def test_all_leaves_an_empty_home(tsm: Tsm) -> None:
    started(tsm, "a", "b", "c")
    tsm("stop", "b")
    assert [row["name"] for row in tsm("delete", "all").rows] == ["a", "b", "c"]
    assert names(tsm) == []
    assert below(tsm.home / "runtime" / "processes") == []
    assert below(tsm.home / "runtime" / "pids") == []
    assert below(tsm.home / "runtime" / "locks") == [".home.lock"]
    assert tsm("delete", "all").out == ""


def test_selection_is_by_name_id_short_name_and_glob(tsm: Tsm) -> None:
    started(tsm, "a1", "a2", "b", "c")
    tsm("start", "--name", "web", "--port", "1", "--", *long_sleep())
    assert len(tsm("rm", "a*", "3", "web").rows) == 4
    assert names(tsm) == ["c"]


@pytest.mark.parametrize("word", ["else", "99", "x*", "..", "../locks", ".", ""])
def test_unknown_word_is_3_and_nothing_is_touched(tsm: Tsm, word: str) -> None:
    started(tsm, "web")
    files = Files(tsm.home, "web")
    before = (below(tsm.home), files.content())
    result = tsm("delete", "web", word, ok=False)
    assert (result.status, result.out) == (3, "")
    assert (below(tsm.home), files.content()) == before
    assert alive(files.child)


def test_files_that_the_user_has_put_there_go_as_well(tsm: Tsm) -> None:
    started(tsm, "web")
    files = Files(tsm.home, "web")
    (files.folder / "deep" / "er").mkdir(parents=True)
    (files.folder / "deep" / "er" / "notes").write_text("x")
    outside = tsm.cwd / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (files.folder / "link").symlink_to(outside)
    tsm("delete", "web")
    assert not files.folder.exists()
    assert (outside / "kept").exists()


def _full(path: Path) -> None:
    (path / "deep").mkdir(parents=True)
    (path / "deep" / "x").touch()
    (path / "deep").chmod(0o500)


def _link(path: Path) -> None:
    path.symlink_to("../../../../outside/precious")


def _link_to_folder(path: Path) -> None:
    path.symlink_to("../../../../outside")


@pytest.mark.parametrize("put", [_full, os.mkfifo, _link, _link_to_folder])
def test_whatever_stands_in_the_place_of_a_file_goes_as_well(
    tsm: Tsm, put: Callable[[Path], None]
) -> None:
    files = [f"{file}{new}" for file in ("down", "run", "spec.json", "env") for new in ("", ".new")]
    files += ["meta.json", "run.unreported", "hooks.log", "hooks.log.new", "current.out", "PID"]
    argvs = []
    for number, file in enumerate(files):
        argvs.append(long_sleep())
        tsm("start", "--name", f"web{number}", "--pre-stop", "true", "--", *argvs[-1])
        path = Files(tsm.home, f"web{number}").folder / file.replace("PID", f"web{number}.pid")
        if os.path.lexists(path):
            path.unlink()
        put(path)
    outside = tsm.cwd / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    assert sorted(names(tsm)) == sorted(f"web{number}" for number in range(len(files)))
    tsm("patrol", ok=None)
    assert len(tsm("delete", "all").rows) == len(files)
    assert [argv for argv in argvs if running(*argv)] == []
    assert below(tsm.home / "runtime" / "processes") == []
    assert below(tsm.home / "runtime" / "locks") == [".home.lock"]
    assert below(outside) == ["precious"]
    assert (outside / "precious").read_text() == "precious"


def test_one_that_cannot_be_removed_keeps_no_other(tsm: Tsm) -> None:
    started(tsm, "a", "b", "c")
    history = Files(tsm.home, "a").history
    history.unlink()
    history.mkdir()
    result = tsm("delete", "all", ok=False)
    assert result.status == 7
    assert str(history) in result.err
    assert [row["name"] for row in result.rows] == ["b", "c"]
    assert names(tsm) == []


def test_a_directory_that_lies_elsewhere_is_left_alone(tsm: Tsm) -> None:
    """A link among the processes is removed; what it leads to is not tsm's."""
    tsm("start", "sleep 86399", "--name", "web")
    folder = Path(tsm("path", "web").out.strip())
    elsewhere = tsm.cwd / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    (elsewhere / "precious.new").write_text("precious")
    stranger = tsm.cwd / "stranger"
    stranger.mkdir()
    (stranger / "report.new").write_text("precious")
    (folder.parent / "odd").symlink_to(stranger)
    tsm("patrol", ok=None)
    tsm("delete", "all")
    tsm("patrol")
    assert list(folder.parent.iterdir()) == []
    assert (elsewhere / "precious.new").read_text() == "precious"
    assert (stranger / "report.new").read_text() == "precious"
