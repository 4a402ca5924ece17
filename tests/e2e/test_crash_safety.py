"""SIGKILL of any command at any of its acts leaves a home that the next command puts right."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import Several
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Tsm


KILLED = Path(__file__).parents[1] / "apps" / "killed.py"
SHARE = 4  # each test takes every fourth act, so that they run side by side
APP = ("sleep", "86399")


def killed(tsm: Tsm, act: int, *argv: str) -> bool:
    """Run `tsm ARGV...`, killed before its act number `act`; False if it had fewer."""
    words = [sys.executable, str(KILLED), str(act), *argv]
    done = subprocess.run(
        words, cwd=tsm.cwd, env=tsm.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == -signal.SIGKILL


def instances(tsm: Tsm) -> list[int]:
    """The pids of all children of the test's home."""
    home = f"TSM_HOME={tsm.home}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
            environ = (entry / "environ").read_bytes().split(b"\0")
            if argv == [word.encode() for word in APP] and home in environ:
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def status(run: Several) -> str | None:
    """What ls says of the process; None if there is none."""
    rows = run("ls").rows
    assert len(rows) <= 1
    return rows[0]["status"] if rows else None


def settled(tsm: Tsm, run: Several) -> str | None:
    """The status once patrol has nothing left to do."""
    assert len(instances(tsm)) <= 1
    assert status(run) != "broken"
    word: str | None = None

    def quiet() -> bool:
        nonlocal word
        done = run("patrol").out
        word = status(run)
        return done == "" and word not in ("waiting", "launching", "stopping")

    eventually(quiet)
    assert len(instances(tsm)) == (word == "online")
    assert run("check", ok=None).out == ""
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


def start(_tsm: Tsm, run: Several) -> None:
    run("start", "--name", "web", "--", *APP)


def nothing(_tsm: Tsm, _run: Several) -> None:
    pass


def stopped(tsm: Tsm, run: Several) -> None:
    start(tsm, run)
    run("stop", "web")


def crashed(tsm: Tsm, run: Several) -> None:
    """The child and its launcher have been killed: only patrol can know."""
    start(tsm, run)
    launcher = run("describe", "web").row["run"]["launcher"]
    for pid in (launcher, *instances(tsm)):
        subprocess.run(["kill", "-KILL", str(pid)], check=True)
    eventually(lambda: not instances(tsm))


def saved(tsm: Tsm, run: Several) -> None:
    start(tsm, run)
    run("save")
    run("delete", "web")


SCENES = [
    pytest.param(nothing, ("start", "--name", "web", "--", *APP), {None, "online"}, id="start"),
    pytest.param(stopped, ("start", "web"), {"stopped", "online"}, id="start-again"),
    pytest.param(start, ("stop", "web"), {"online", "stopped"}, id="stop"),
    pytest.param(start, ("restart", "web"), {"online"}, id="restart"),
    pytest.param(start, ("delete", "web"), {"online", "stopped", None}, id="delete"),
    pytest.param(crashed, ("patrol",), {"online"}, id="patrol"),
    pytest.param(saved, ("resurrect",), {None, "online"}, id="resurrect"),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARE))
@pytest.mark.parametrize(("prepare", "argv", "allowed"), SCENES)
def test_killed_at_any_act_leaves_one_or_none_and_nothing_lost(
    tsm: Tsm,
    prepare: Callable[[Tsm, Several], None],
    argv: tuple[str, ...],
    allowed: set[str | None],
    share: int,
) -> None:
    act = share + 1
    with Several(tsm) as run:
        prepare(tsm, run)
        while killed(tsm, act, *argv):
            assert settled(tsm, run) in allowed, f"killed before act {act}"
            run("delete", "all")
            assert instances(tsm) == []
            for path in tsm.home.glob("db/history/*.jsonl"):
                path.unlink()
            act += SHARE
            prepare(tsm, run)
        settled(tsm, run)
    assert act > SHARE, "no act was counted"


def test_killed_while_saving_leaves_the_old_file_or_the_new(tsm: Tsm) -> None:
    with Several(tsm) as run:
        start(tsm, run)
        run("save")
        path = tsm.home / "runtime/saved/default.json"
        old = path.read_bytes()
        run("stop", "web")
        act = 1
        seen = set()
        while killed(tsm, act, "save"):
            seen.add(path.read_bytes() == old)
            run("resurrect")
            assert instances(tsm) == []
            act += 1
    assert path.read_bytes() != old
    assert True in seen
