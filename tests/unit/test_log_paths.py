"""What current.out and current.err lead to, and that nothing is lost when that changes."""

from __future__ import annotations

import os
import signal
import stat
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import fuse
from tests.following import added
from tsm.errors import Refused
from tsm.patrol import log_places
from tsm.patrol.rotate import rotate
from tsm.record import changed
from tsm.spec import MERGED, NOWHERE, Logs, Spec
from tsm.store import displaced, documents, log_index, log_layout, log_paths, logs, rotated
from tsm.store.follower import Follower, last_lines
from tsm.store.home import Home
from tsm.store.rotation import Current

if TYPE_CHECKING:
    from collections.abc import Callable

SPEC = Spec(name="web", argv=("sleep", "9"), command="sleep 9", cwd="/")


class Web:
    """The logs of a process "web", whose definition changes from run to run."""

    def __init__(self, root: Path) -> None:
        self.home = Home(str(root / "home"))
        self.folder = root / "home/runtime/processes/web"
        self.folder.mkdir(parents=True)
        self.out, self.err = (self.folder / f"current.{stream}" for stream in logs.STREAMS)

    def run(self, given: Logs, umask: str = "0022") -> None:
        """Put in place what a run is to write to."""
        spec = changed(SPEC, umask=umask, logs=given)
        list(log_layout.lay(self.home, spec, time.time()))
        assert log_paths.is_laid(self.home, spec)
        log_paths.made(self.home, spec)

    def rotate(self) -> None:
        """Rotate the log of standard output."""
        to = rotated.free(self.home, "web", "out", time.strftime("%Y-%m-%d"))
        with Current(self.home, "web", "out") as current:
            rotate(current, to, "asked for", 1 << 20)

    def rotated(self, stream: str) -> list[bytes]:
        """What the rotated files hold, oldest first."""
        return [Path(one.path).read_bytes() for one in rotated.files(self.home, "web", stream)]


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return Web(tmp_path)


def write(path: Path, data: bytes) -> None:
    """As a child does."""
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize(
    ("given", "leads", "own"),
    [
        (Logs(), (None, None), ()),
        (Logs(out="/a", err="/b"), ("/a", "/b"), ("/a", "/b")),
        (Logs(merge=True), (None, MERGED), ()),
        (Logs(merge=True, out="/a", err="/b"), ("/a", MERGED), ("/a",)),
        (Logs(discard=True, out="/a", merge=True), (NOWHERE, NOWHERE), ()),
    ],
)
def test_what_is_set_tells_where_both_streams_go(
    given: Logs, leads: tuple[str, str], own: tuple[str, ...]
) -> None:
    assert (given.leads, given.own) == (leads, own)


@pytest.mark.parametrize(
    ("given", "streams", "place"),
    [
        (Logs(), ("out", "err"), "current.err"),
        (Logs(merge=True), ("out",), "current.out"),
        (Logs(discard=True), (), None),
    ],
)
def test_the_streams_are_those_that_have_a_log_of_their_own(
    web: Web, given: Logs, streams: tuple[str, ...], place: str | None
) -> None:
    assert logs.streams(web.home, "web") == ("out", "err")  # before any run
    web.run(given)
    assert logs.streams(web.home, "web") == streams
    found = log_paths.place(web.home, "web", "err")
    assert found == (None if place is None else str(web.folder / place))


def test_a_path_that_is_not_there_yet_is_a_log_and_a_fifo_is_none(web: Web, tmp_path: Path) -> None:
    web.run(Logs(out=str(tmp_path / "out"), err=str(tmp_path / "err")))
    (tmp_path / "out").unlink()
    (tmp_path / "err").unlink()
    os.mkfifo(tmp_path / "err")
    assert logs.streams(web.home, "web") == ("out",)
    assert log_paths.place(web.home, "web", "out") == str(tmp_path / "out")
    assert last_lines(str(web.err), 9) == []


def test_a_file_of_the_users_is_made_as_the_child_would_make_it(web: Web, tmp_path: Path) -> None:
    kept = tmp_path / "err"
    kept.touch(0o604)
    kept.chmod(0o604)
    web.run(Logs(out=str(tmp_path / "out"), err=str(kept)), umask="0027")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out", "err")]
    assert modes == [0o640, 0o604]
    web.run(Logs())
    assert [stat.S_IMODE(path.stat().st_mode) for path in (web.out, web.err)] == [0o600] * 2


def test_what_was_there_is_kept_whatever_comes_next(web: Web, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_bytes(b"before\n")
    web.run(Logs())
    write(web.out, b"1\ntorn")
    write(web.err, b"a\n")
    web.run(Logs(out=str(own), merge=True))
    write(web.err, b"2\n")
    web.run(Logs(discard=True))
    write(web.out, b"lost\n")
    web.run(Logs())
    write(web.out, b"3\n")
    write(web.err, b"b\n")
    web.run(Logs(merge=True))
    assert own.read_bytes() == b"before\n2\n"
    assert web.rotated("out") == [b"1\ntorn"]
    assert web.rotated("err") == [b"a\n", b"b\n"]
    assert web.out.read_bytes() == b"3\n"
    assert log_index.begin(web.home, "web", "out") == len(b"1\ntorn" + b"before\n2\n")
    for one in rotated.files(web.home, "web", "err"):
        assert log_index.is_sound(f"{one.path}.idx")


def test_a_note_of_a_file_that_was_taken_away_goes_with_it(web: Web, tmp_path: Path) -> None:
    web.run(Logs())
    Path(displaced.note_file(web.home, "web", "out")).write_text('{"inode":1,"begin":0}\n')
    web.run(Logs(out=str(tmp_path / "own")))
    assert displaced.noted(web.home, "web", "out") is None


def killed_before(act: int, work: Callable[[], object]) -> bool:
    """Do that in a fork that is killed before its act number `act`; False if it had fewer."""
    pid = os.fork()
    if pid == 0:
        fuse.light(act)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_killed_at_any_act_it_is_done_the_next_time(tmp_path: Path) -> None:
    act = 1
    while True:
        web, own = Web(tmp_path / str(act)), tmp_path / str(act) / "own"
        web.run(Logs())
        write(web.out, b"1\n")
        write(web.err, b"a\n")
        there = Logs(out=str(own), merge=True)
        killed = killed_before(act, partial(web.run, there))
        web.run(there)
        assert (web.rotated("out"), web.rotated("err")) == ([b"1\n"], [b"a\n"]), act
        assert [log_index.begin(web.home, "web", stream) for stream in logs.STREAMS] == [2, 2]
        write(web.err, b"2\n")
        assert own.read_bytes() == b"2\n"
        killed_before(act, partial(web.run, Logs()))
        web.run(Logs())
        assert (web.out.read_bytes(), own.read_bytes()) == (b"", b"2\n")
        assert logs.streams(web.home, "web") == ("out", "err")
        if not killed:
            break
        act += 1
    assert act > 8


def test_a_rotation_that_was_killed_is_finished_or_undone_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsm.osproc.watchman.sys.executable", "/bin/true")  # nobody mends
    act = 1
    while True:
        web = Web(tmp_path / str(act))
        for folder in ("runtime/locks", "db/history", "db/events"):
            (tmp_path / str(act) / "home" / folder).mkdir(parents=True)
        web.run(Logs())
        write(web.out, b"1\n2\ntorn")
        killed = killed_before(act, web.rotate)
        log_places.prepared(web.home, changed(SPEC, logs=Logs(discard=True)))
        assert b"".join(web.rotated("out")) == b"1\n2\ntorn", act
        assert not list(web.folder.glob("*.cut*"))
        if not killed:
            break
        act += 1
    assert act > 8


def test_who_follows_sees_each_line_once_wherever_it_goes(web: Web, tmp_path: Path) -> None:
    followers = [Follower(str(path)) for path in (web.out, web.err)]

    def seen() -> list[bytes]:
        return [line for one in followers for line in added(one)]

    web.run(Logs())
    write(web.out, b"1\n")
    assert seen() == [b"1"]
    write(web.out, b"2\n")
    write(web.err, b"a\n")
    web.run(Logs(out=str(tmp_path / "own"), merge=True))
    write(web.out, b"3\n")
    write(web.err, b"b\n")
    assert seen() == [b"2", b"3", b"b", b"a"]
    write(web.out, b"4\n")
    web.run(Logs(discard=True))
    write(web.out, b"lost\n")
    assert seen() == [b"4"]
    web.run(Logs())
    write(web.out, b"5\n")
    write(web.err, b"c\n")
    assert seen() == [b"5", b"c"]
    assert seen() == []
    for one in followers:
        one.close()


class TestRefused:
    def check(self, web: Web, given: Logs) -> None:
        log_paths.check(web.home, changed(SPEC, logs=given))

    def test_names_the_file_and_the_reason(self, web: Web, tmp_path: Path) -> None:
        (tmp_path / "inside").symlink_to(web.folder)
        for path, reason in (
            (tmp_path, "it is a directory"),
            (tmp_path / "not/there", f"there is no directory {tmp_path}/not: make it"),
            ("/dev/null/x", "Not a directory"),
            (web.out, f"it lies in {web.home.root}"),
            (tmp_path / "inside/x", f"it lies in {web.home.root}"),
            (tmp_path / ("x" * 256), "File name too long"),
        ):
            with pytest.raises(Refused) as refused:
                self.check(web, Logs(out=str(path)))
            assert str(refused.value).startswith(f"web: cannot write its log to {path}: {reason}")
        assert not (tmp_path / "not").exists()

    def test_of_two_names_of_one_file_says_what_would_do(self, web: Web, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("file")
        with pytest.raises(Refused, match="use merge-logs"):
            self.check(web, Logs(out=str(tmp_path / "file"), err=str(tmp_path / "link")))
        self.check(web, Logs(out="/dev/full", err="/dev/full"))
        self.check(web, Logs(out=str(tmp_path / "file"), err=str(tmp_path / "file"), merge=True))

    def test_leaves_alone_what_is_no_file_and_would_have_to_go(
        self, web: Web, tmp_path: Path
    ) -> None:
        os.mkfifo(web.out)
        self.check(web, Logs())
        with pytest.raises(Refused, match=r"current\.out: not a file .* move it away"):
            self.check(web, Logs(out=str(tmp_path / "own")))

    def test_of_the_file_of_another_names_that(self, web: Web, tmp_path: Path) -> None:
        mine = str(tmp_path / "own")
        web.run(Logs(out=mine))  # its definition says something else by now
        documents.write_spec(web.home, changed(SPEC, logs=Logs(err=str(tmp_path / "next"))))
        for path in (mine, str(tmp_path / "next")):
            one = changed(SPEC, name="api", logs=Logs(err=path))
            with pytest.raises(Refused, match=f"api: {path} is the log of web: give another file"):
                log_paths.check_free(web.home, [one])
        two = [changed(SPEC, name=name, logs=Logs(out="/dev/full")) for name in ("a", "b")]
        log_paths.check_free(web.home, two)
        two = [changed(SPEC, name=name, logs=Logs(out="/new")) for name in ("a", "b")]
        with pytest.raises(Refused, match="b: /new is the log of a"):
            log_paths.check_free(web.home, two)
        log_paths.check_free(web.home, [changed(SPEC, logs=Logs(out=mine))])  # its own
