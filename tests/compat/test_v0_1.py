"""A home that tsm 0.1 has written is read, and goes on, as long as there is a tsm."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm

WRITTEN = Path(__file__).with_name("v0_1")


def moved_in(tsm: Tsm) -> Tsm:
    """The old home in the place of the test's, its environments with the test's mark."""
    shutil.copytree(WRITTEN, tsm.home, dirs_exist_ok=True)
    mark = next(f"{key}={value}" for key, value in tsm.env.items() if "MARK" in key)
    for env in tsm.home.glob("runtime/processes/*/env"):
        env.chmod(0o600)
        env.write_bytes(env.read_bytes() + mark.encode() + b"\0")
    saved = tsm.home / "runtime/saved/default.json"
    saved.chmod(0o600)
    saved.write_text(saved.read_text().replace('"env":[', f'"env":["{mark}",'))
    return tsm


def test_every_process_is_what_it_was(tsm: Tsm) -> None:
    rows = moved_in(tsm)("ls").rows
    assert [(row["tsm_id"], row["name"], row["status"]) for row in rows] == [
        (1, "web-4713", "stopped"),
        (2, "odd", "stopped"),
        (3, "shell", "stopped"),
        (4, "job", "stopped"),
    ]
    assert tsm("check").out == ""


def test_a_definition_keeps_its_values_and_odd_bytes(tsm: Tsm) -> None:
    spec = moved_in(tsm)("describe", "web").row["spec"]
    assert (spec["port"], spec["restart"]["when"]) == (4713, "on-failure")
    assert spec["restart"]["success_codes"] == [0, 3]
    assert spec["env"] == {"NAME": r"caf\303\251 %s $x"}
    argv = tsm("describe", "odd").row["spec"]["argv"]
    assert os.fsencode(argv[1]) == b"a\xff\nb"
    assert (tsm.home / "runtime/processes/odd/current.out").read_bytes() == b"a\xff\nb"


def test_the_journal_is_read(tsm: Tsm) -> None:
    ends = [row for row in moved_in(tsm)("history", "job").rows if row["event"] == "crash"]
    assert [row["code"] for row in ends] == [7]
    assert {row["name"] for row in tsm("events").rows} == {"web-4713", "odd", "shell", "job"}


def test_it_goes_on_where_it_was(tsm: Tsm) -> None:
    moved_in(tsm)("start", "web", "shell")
    assert {row["status"] for row in tsm("ls", "web", "shell").rows} == {"online"}
    assert not [path for path in tsm.home.rglob("current.*") if path.is_symlink()]
    assert tsm("start", "--name", "new", "--", "sleep", "86399").row["tsm_id"] == 5


def test_what_it_has_saved_is_brought_back(tsm: Tsm) -> None:
    shutil.rmtree(moved_in(tsm).home / "runtime/processes")
    tsm("resurrect")
    eventually(lambda: {row["name"] for row in tsm("ls").rows} == {"web-4713", "odd", "shell"})
    assert {row["status"] for row in tsm("ls", "web", "shell").rows} == {"online"}
