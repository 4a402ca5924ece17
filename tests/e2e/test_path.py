"""tsm path: where a process keeps its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.machine import processes

if TYPE_CHECKING:
    from tests.running import Tsm


def test_a_path_is_a_plain_line_in_a_pipe_and_on_a_terminal(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    path = processes(tsm) / "web"
    assert path.is_dir()
    assert tsm("path", "web").out == tsm.on_terminal("path", "web").out == f"{path}\n"


def test_the_log_of_a_process_is_where_path_says(tsm: Tsm) -> None:
    tsm("start", "echo hello", "--name", "web", "--restart", "no")
    tsm("wait", "web")
    assert tsm.shell('cat "$(tsm path web)/current.out"').out == "hello\n"


def test_several_come_sorted_by_name(tsm: Tsm) -> None:
    for name in ("b", "c", "a"):
        tsm("start", "true", "--name", name, "--restart", "no")
    assert tsm("path", "all").out.split() == [str(processes(tsm) / name) for name in "abc"]


def test_without_a_name_it_is_the_home(tsm: Tsm) -> None:
    assert tsm("path").out == f"{tsm.home}\n"


def test_without_tsm_home_it_is_dot_tsm_of_the_user(tsm: Tsm) -> None:
    assert tsm("path", env={"TSM_HOME": None}).out == f"{tsm.cwd}/.tsm\n"
    assert not (tsm.cwd / ".tsm").exists()


def test_a_relative_home_is_shown_absolute(tsm: Tsm) -> None:
    assert tsm("path", env={"TSM_HOME": "here"}).out == f"{tsm.cwd}/here\n"
    assert not (tsm.cwd / "here").exists()


def test_a_stopped_process_has_its_path(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("stop", "web")
    assert tsm("path", "web").out == f"{processes(tsm)}/web\n"


def test_an_empty_name_is_shown_as_such(tsm: Tsm) -> None:
    said = "'': no such process: tsm ls shows what there is"
    assert tsm("path", "", ok=False).err == f"tsm path: {said}\n"


@pytest.mark.parametrize("word", ["nobody", "../web", "web/", "7", "w?"])
def test_an_unknown_name_is_3(tsm: Tsm, word: str) -> None:
    result = tsm("path", word, ok=False)
    assert (result.status, result.out) == (3, "")
    assert result.err == f"tsm path: {word}: no such process: tsm ls shows what there is\n"
