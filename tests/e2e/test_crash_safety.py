"""SIGKILL of any command at any of its acts leaves a home that the next command puts right."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files
from tests.e2e.kernel import running
from tests.machine import kill
from tests.proc import environs
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Tsm


SHARE = 4  # each test takes every fourth act, so that they run side by side
APP = ("sleep", "86399")
SOON = ("--delay", "10ms", "--max-delay", "10ms")  # so that little time passes in waiting for it


def instances(tsm: Tsm) -> list[int]:
    """The pids of all children of the test's home."""
    home = f"TSM_HOME={tsm.home}\0".encode()
    return [pid for pid in running(*APP) if any(home in one for one in environs(pid))]


def status(tsm: Tsm) -> str | None:
    """What ls says of the process; None if there is none."""
    rows = tsm("ls").rows
    assert len(rows) <= 1
    return rows[0]["status"] if rows else None


def settled(tsm: Tsm) -> str | None:
    """The status once patrol has nothing left to do."""
    assert len(instances(tsm)) <= 1
    assert status(tsm) != "broken"
    word: str | None = None

    def quiet() -> bool:
        nonlocal word
        if tsm("patrol").out != "":
            return False
        word = status(tsm)
        return word not in ("waiting", "launching", "stopping")

    eventually(quiet)
    assert len(instances(tsm)) == (word == "online")
    assert tsm("check", ok=None).out == ""
    check_history(tsm)
    return word


def check_history(tsm: Tsm) -> None:
    """Each run begins once and ends once at the most, in this order."""
    for path in tsm.home.glob("db/history/*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        begins = Counter(row["run"] for row in rows if row["event"] in ("start", "restart"))
        ends = Counter(row["run"] for row in rows if "code" in row)
        assert set(begins.values()) <= {1}, rows
        assert set(ends.values()) <= {1}, rows
        assert set(ends) <= set(begins), rows
        assert len(begins) - len(ends) == len(instances(tsm)), rows
        crashed = [row["run"] for row in rows if row["event"] == "crash"]
        assert sorted(crashed) == sorted(set(begins) & set(reported(tsm))), rows


def reported(tsm: Tsm) -> list[str]:
    """The runs whose crashes were reported, each once."""
    found = [path.name.split(".")[1] for path in tsm.home.glob("db/crashes/*/*Z-crash-*")]
    runs = [name.rpartition("-")[2] for name in found]
    assert len(runs) == len(set(runs)), found
    return runs


# What has to be there before the command, made of what is there: `word` is its status.


def nothing(tsm: Tsm, word: str | None) -> None:
    if word is not None:
        tsm("delete", "all")
    assert instances(tsm) == []


def online(tsm: Tsm, word: str | None) -> None:
    if word != "online":
        tsm("start", "--name", "web", *SOON, "--", *APP)


def stopped(tsm: Tsm, word: str | None) -> None:
    if word is None:
        online(tsm, word)
    if word != "stopped":
        tsm("stop", "web")


def crashed(tsm: Tsm, word: str | None) -> None:
    """The child and its launcher have been killed: only patrol can know."""
    online(tsm, word)
    kill(Files(tsm.home, "web").launcher, *instances(tsm))


def saved(tsm: Tsm, word: str | None) -> None:
    if not (tsm.home / "runtime/saved/default.json").exists():
        online(tsm, word)
        word = "online"
        tsm("save")
    nothing(tsm, word)


SCENES = [
    pytest.param(nothing, ("start", "--name", "web", "--", *APP), {None, "online"}, id="start"),
    pytest.param(stopped, ("start", "web"), {"stopped", "online"}, id="start-again"),
    pytest.param(online, ("stop", "web"), {"online", "stopped"}, id="stop"),
    pytest.param(online, ("restart", "web"), {"online"}, id="restart"),
    pytest.param(online, ("delete", "web"), {"online", "stopped", None}, id="delete"),
    pytest.param(crashed, ("patrol",), {"online"}, id="patrol"),
    pytest.param(saved, ("resurrect",), {None, "online"}, id="resurrect"),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARE))
@pytest.mark.parametrize(("prepare", "argv", "allowed"), SCENES)
def test_killed_at_any_act_leaves_one_or_none_and_nothing_lost(
    tsm: Tsm,
    prepare: Callable[[Tsm, str | None], None],
    argv: tuple[str, ...],
    allowed: set[str | None],
    share: int,
) -> None:
    act = share + 1
    prepare(tsm, None)
    while tsm.killed(act, *argv):
        word = settled(tsm)
        assert word in allowed, f"killed before act {act}"
        prepare(tsm, word)
        act += SHARE
    nothing(tsm, settled(tsm))
    assert act > SHARE, "no act was counted"


def test_killed_while_saving_leaves_the_old_file_or_the_new(tsm: Tsm) -> None:
    online(tsm, None)
    tsm("save")
    path = tsm.home / "runtime/saved/default.json"
    old = path.read_bytes()
    tsm("stop", "web")
    act = 1
    seen = set()
    while tsm.killed(act, "save"):
        seen.add(path.read_bytes() == old)
        tsm("resurrect")
        assert instances(tsm) == []
        act += 1
    assert path.read_bytes() != old
    assert True in seen
