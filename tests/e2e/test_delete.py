"""`tsm delete`: the process is gone, what happened to it is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files, below
from tests.e2e.kernel import argv_of, children, long_sleep, running
from tests.machine import alive, kill
from tests.waiting import eventually

if TYPE_CHECKING:
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
