"""The run record: lines of words that several hands write, and any of them may be cut off."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.errors import Broken
from tsm.model import Exit, Identity, Run
from tsm.record import changed as replace
from tsm.store import runs
from tsm.store.home import Home, prepare

MILLISECONDS = st.integers(0, 10**12).map(lambda count: count / 1000)
HEADS = st.builds(
    Run,
    id=st.text("0123456789abcdef", min_size=16, max_size=16),
    boot=st.uuids().map(str),
    time_s=MILLISECONDS,
    why=st.sampled_from(["start", "restart"]),
    restarts=st.integers(0, 10**6),
    past=st.lists(
        st.builds(Exit, MILLISECONDS, MILLISECONDS, st.none() | st.integers(0, 255)), max_size=4
    ).map(tuple),
    logs=st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)),
)
HEAD = Run("0123456789abcdef", "boot", 1000.0, "start")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with one process directory, `web`."""
    return made(tmp_path)


def made(folder: Path) -> Home:
    place = Home(str(folder / "home"))
    prepare(place)
    Path(place.process("web")).mkdir()
    return place


def record(home: Home) -> Path:
    return Path(home.file("web", "run"))


def begun(home: Home, run: Run, *lines: str) -> None:
    """Put the head in place, and write lines as the launcher does."""
    fd = runs.prepare(home, "web")
    runs.begin(home, "web", fd, run)
    for line in lines:
        os.write(fd, f"{line}\n".encode())
    os.close(fd)


@given(head=HEADS)
def test_head_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, head: Run
) -> None:
    home = made(tmp_path_factory.mktemp("runs"))
    begun(home, head)
    assert runs.read(home, "web") == head


def test_there_may_be_none(home: Home) -> None:
    assert runs.read(home, "web") is None
    record(home).touch()  # as a power cut leaves the first one
    assert runs.read(home, "web") is None


def test_whole_life_is_read(home: Home) -> None:
    begun(home, HEAD, "launcher 10 100", "pid 11 101")
    runs.note(home, "web", "begun")
    begun_run = replace(
        HEAD, launcher=Identity("boot", 10, 100), child=Identity("boot", 11, 101), begun=True
    )
    assert runs.read(home, "web") == begun_run
    with record(home).open("a") as file:
        file.write("exit 143\n")
    os.utime(record(home), (2000, 2000))
    exited = replace(begun_run, code=143, exited=True, exit_s=2000.0)
    assert runs.read(home, "web") == exited
    runs.note(home, "web", "stopped")
    runs.note(home, "web", "ended 1999.500")
    ended = runs.read(home, "web")
    assert ended is not None
    assert (ended.stopped, ended.ended_s, ended.code) == (True, 1999.5, 143)


def test_new_run_begins_anew_and_the_old_launcher_writes_to_the_old_record(home: Home) -> None:
    old = runs.prepare(home, "web")
    runs.begin(home, "web", old, HEAD)
    begun(home, replace(HEAD, id="new"))
    os.write(old, b"exit 1\n")
    os.close(old)
    assert runs.read(home, "web") == replace(HEAD, id="new")


@pytest.mark.parametrize("torn", ["e", "exit", "exit 1", "pid 12", "stopped", "\xff", "nonsense ?"])
def test_torn_last_line_counts_for_nothing(home: Home, torn: str) -> None:
    begun(home, HEAD, "launcher 10 100")
    with record(home).open("ab") as file:
        file.write(torn.encode("latin-1"))
    assert runs.read(home, "web") == replace(HEAD, launcher=Identity("boot", 10, 100))


@pytest.mark.parametrize("torn", ["e", "\xff", "later 1"])
def test_torn_line_costs_itself_alone(home: Home, torn: str) -> None:
    """Where it is no word that means something: what does, and cannot be read, is broken."""
    begun(home, HEAD)
    with record(home).open("ab") as file:
        file.write(torn.encode("latin-1"))
    runs.note(home, "web", "stopped")
    assert runs.read(home, "web") == replace(HEAD, stopped=True)


@pytest.mark.parametrize("line", ["later 1 2 3", "", "  ", "laterthan", "x" * 10_000])
def test_lines_of_a_later_release_are_passed_over(home: Home, line: str) -> None:
    begun(home, HEAD, line, "stopped")
    assert runs.read(home, "web") == replace(HEAD, stopped=True)


@pytest.mark.parametrize(
    "line",
    [
        *("pid", "pid 1", "pid x 1", "pid 1 2 3", "launcher 1", "exit", "exit x", "exit 1 2"),
        *("time", "time x", "restarts x", "past 1 2", "past 1 2 3 4", "past x 2 3", "ended"),
        *("ended x", "id", "boot", "id a b"),
    ],
)
def test_line_that_makes_no_sense_is_told_with_path_and_text(home: Home, line: str) -> None:
    begun(home, HEAD, line)
    with pytest.raises(Broken) as broken:
        runs.read(home, "web")
    assert str(record(home)) in str(broken.value)
    assert line in str(broken.value)


@pytest.mark.parametrize("data", ["id a\n", "boot b\n", "exit 0\n", "id a"])
def test_head_that_is_missing_is_told(home: Home, data: str) -> None:
    record(home).write_text(data)
    with pytest.raises(Broken, match="run: "):
        runs.read(home, "web")


class TestDown:
    def test_is_absent_while_the_process_is_wanted_up(self, home: Home) -> None:
        assert runs.wanted_down(home, "web") is None
        runs.want_up(home, "web")
        assert runs.wanted_down(home, "web") is None

    def test_is_there_until_it_is_wanted_up(self, home: Home) -> None:
        for reason in ("", "restart"):
            runs.want_down(home, "web", reason)
            assert runs.wanted_down(home, "web") == reason or "stop"
        runs.want_up(home, "web")
        assert runs.wanted_down(home, "web") is None

    def test_of_a_stop_is_empty_and_needs_no_room(self, home: Home) -> None:
        runs.want_down(home, "web", "")
        assert Path(home.file("web", "down")).read_bytes() == b""

    @pytest.mark.parametrize(
        ("data", "reason"),
        [(b"", "stop"), (b"\n", "stop"), (b"restart", "restart"), (b"restart\n", "restart")],
    )
    def test_may_be_written_by_hand(self, home: Home, data: bytes, reason: str) -> None:
        Path(home.file("web", "down")).write_bytes(data)
        assert runs.wanted_down(home, "web") == reason

    def test_may_hold_anything(self, home: Home) -> None:
        Path(home.file("web", "down")).write_bytes(b"\xff\0")
        assert runs.wanted_down(home, "web") not in (None, "restart")


class TestPidFile:
    def test_is_published_with_a_link_and_withdrawn_with_it(self, home: Home) -> None:
        path, link = Path(home.pid_file("web")), Path(home.pid_link("web"))
        for pid in (1, 2):
            runs.publish_pid(home, "web", pid)
            assert path.read_text() == link.read_text() == f"{pid}\n"
        assert link.is_symlink()
        for _ in range(2):
            runs.publish_pid(home, "web", None)
            assert not path.exists()
            assert not link.is_symlink()
