"""Emptying log files under children that write to them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.running import Tsm


def test_a_child_goes_on_at_the_beginning_and_who_follows_sees_it(tsm: Tsm, gate: Gate) -> None:
    command = f"sh -c 'echo one; read code <{gate.path}; echo two; exec sleep 1000'"
    tsm("start", command, "--name", "web")
    files = Files(tsm.home, "web")
    out = files.folder / "current.out"
    eventually(lambda: out.read_bytes() == b"one\n")
    following = tsm.spawn("logs", "-f", "web")
    assert following.stdout is not None
    assert following.stdout.readline() == "one\n"
    assert tsm("flush", "web").row == {"name": "web", "action": "flush", "bytes": 4}
    assert out.read_bytes() == b""
    gate.open()
    assert following.stdout.readline() == "two\n"
    following.terminate()
    following.wait()
    assert out.read_bytes() == b"two\n"
    (event,) = [one for one in files.events if one["event"] == "flush"]
    assert (event["stream"], event["bytes"]) == ("out", 4)


def test_rotated_files_go_where_that_is_asked_for(tsm: Tsm) -> None:
    tsm("start", "echo one", "--name", "web", "--restart", "no")
    files = Files(tsm.home, "web")
    eventually(lambda: (files.folder / "current.out").read_bytes() == b"one\n")
    tsm("rotate", "--force", "web")
    assert tsm("flush", "web").row == {"name": "web", "action": None, "bytes": 0}
    assert len(list(files.folder.glob("*-00.out"))) == 1
    assert tsm("flush", "--rotated", "web").row["bytes"] == 4
    assert not list(files.folder.glob("*-00.out*"))


def test_a_name_is_asked_for_and_must_be_known(tsm: Tsm) -> None:
    assert tsm("flush", ok=False).status == 2
    assert tsm("flush", "nobody", ok=False).status == 3


@pytest.mark.parametrize("file", ["meta.json", "spec.json", "run"])
@pytest.mark.parametrize("argv", [("flush",), ("flush", "--rotated"), ("rotate", "--force")])
def test_the_log_of_what_is_broken_stays(tsm: Tsm, argv: tuple[str, ...], file: str) -> None:
    tsm("start", "sh -c 'echo one; exec sleep 1000'", "--name", "web")
    folder = Files(tsm.home, "web").folder
    eventually(lambda: (folder / "current.out").read_bytes() == b"one\n")
    (folder / file).write_text("x\n")
    result = tsm(*argv, "web", ok=False)
    assert (result.status, result.out) == (6, "")
    assert str(folder / file) in result.err
    assert (folder / "current.out").read_bytes() == b"one\n"


def test_the_log_of_what_is_broken_is_kept_from_growing(tsm: Tsm) -> None:
    tsm("start", "sh -c 'seq 2000; exec sleep 1000'", "--name", "web", "--log-size", "4K")
    folder = Files(tsm.home, "web").folder
    eventually(lambda: (folder / "current.out").read_bytes().endswith(b"\n2000\n"))
    (folder / "meta.json").write_text("x\n")
    assert tsm("rotate", "web").row["action"] == "rotate"
    assert (folder / "current.out").read_bytes() == b""


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_log_that_is_no_file_keeps_no_other_from_being_emptied(
    tsm: Tsm, make: Callable[[Path], None]
) -> None:
    for name in ("api", "web"):
        tsm("start", "echo one", "--name", name, "--restart", "no")
        eventually(lambda name=name: tsm("logs", name).out)  # type: ignore[misc]
    log = Files(tsm.home, "api").folder / "current.out"
    log.unlink()
    make(log)
    result = tsm("flush", "all", ok=False)
    assert (result.status, result.row["name"], result.row["bytes"]) == (7, "web", 4)
    assert str(log) in result.err
