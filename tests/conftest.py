"""The fixtures: a home, the command `tsm` in it, a gate. No process may outlive its test."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import hypothesis
import pytest

from tests.running import PROGRAM, Tsm, Warm
from tests.survivors import Survivors
from tests.waiting import Gate, eventually
from tsm.store.home import Home, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ENDING_S = 20.0  # for launchers and patrols to follow their last child

# Neighbours share the machine's cores: how long one example takes says nothing.
hypothesis.settings.register_profile("tsm", deadline=None)
hypothesis.settings.load_profile("tsm")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home, in which nobody stays in memory and nothing is sampled."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    (path / "config.toml").write_text('patrol = "cron"\nmetrics_interval = 0\n')
    return path


@pytest.fixture
def place(tmp_path: Path) -> Home:
    """An empty home, as the modules of tsm see it."""
    place = Home(str(tmp_path / "home"))
    prepare(place)
    return place


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A child that lives until it is told its exit code."""
    return Gate(tmp_path / "gate")


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Who runs most commands."""
    with Warm() as program:
        yield program


@pytest.fixture
def tsm(home: Path, tmp_path: Path, warm: Warm) -> Iterator[Tsm]:
    """The installed command. Fails the test if any of its processes outlives `delete all`."""
    assert PROGRAM.exists(), f"{PROGRAM}: not there: run `make venv`"
    mark = uuid4().hex
    survivors = Survivors(mark, tmp_path)
    with Tsm(home, tmp_path, mark, warm) as command:
        try:
            yield command
        finally:
            left = _left_after_delete(command, survivors) if survivors.pids() else []
    if left:
        pytest.fail("\n".join(["outlived the test:", *left]), pytrace=False)


@pytest.fixture
def resident(tsm: Tsm) -> Tsm:
    """The same where a patrol stays in memory, as it does by default."""
    (tsm.home / "config.toml").unlink()
    return tsm


def _left_after_delete(command: Tsm, survivors: Survivors) -> list[str]:
    """Delete all, then whoever is left, and what `delete` said of it; they are killed."""
    try:
        said = command("delete", "all", ok=None).err
    except AssertionError as error:
        said = str(error)
    try:
        eventually(lambda: not survivors.pids(), _ENDING_S)
    except BaseException as end:
        left = survivors.named()
        survivors.kill()
        if not isinstance(end, pytest.fail.Exception):
            raise
        return [*left, said]
    return []
