"""What is broken, foreign, or has no room: told in one line with its path, and never made worse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files, below
from tests.e2e.kernel import children, long_sleep, running
from tests.machine import alive, kill
from tests.proc import argv_of
from tests.running import PROGRAM
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.running import Result, Tsm

NOBODY = 65534
NOT_JSON = [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"{} {}", b"[" * 100_000, b"\0" * 9]
META_VALUES: list[tuple[str, str, object]] = [
    ("meta.json", key, value)
    for key, value in (
        ("tsm_id", "1"),
        ("tsm_id", True),
        ("tsm_id", 1.5),
        ("tsm_id", None),
        ("name", "else"),
        ("start_time", "now"),
        ("restarts", {}),
        ("restarts", -1),
        ("port", 0),
        ("status", "weird"),
    )
]
SPEC_VALUES: list[tuple[str, str, object]] = [
    ("spec.json", key, value)
    for key, value in (
        ("name", "else"),
        ("argv", []),
        ("argv", "sleep 1"),
        ("argv", ["sleep", 1]),
        ("argv", ["sleep", "\0"]),
        ("cwd", "relative"),
        ("port", 65536),
        ("port", "80"),
        ("umask", "9"),
        ("stop_signal", "SIGNONE"),
        ("stop_timeout_s", -1),
        ("stop_timeout_s", float("nan")),
        ("stop_timeout_s", float("inf")),
        ("restart", []),
        ("restart", {"when": "often"}),
        ("restart", {"max_retries": -1}),
        ("restart", {"success_codes": ["0"]}),
        ("env", {"A": 1}),
        ("env", ["A=1"]),
    )
]
NO_BYTES: list[tuple[str, str, object]] = [  # no argument, path or name can hold these
    ("spec.json", "argv", ["sleep", "\ud800"]),
    ("spec.json", "cwd", "/srv\0"),
    ("spec.json", "cwd", "/srv\ud800"),
]


def statuses(tsm: Tsm) -> dict[str, str]:
    return {row["name"]: row["status"] for row in tsm("ls").rows}


def stopped(tsm: Tsm, *names: str) -> None:
    """Processes that are down."""
    for name in names:
        tsm("start", "--name", name, "--", *long_sleep())
    tsm("stop", *names)


def assert_said(result: Result, status: int, path: Path) -> None:
    """The exit status, and one line that names the file."""
    assert result.status == status, result
    assert str(path) in result.err, result
    assert result.err.count("\n") == 1, result


def copies(tsm: Tsm, count: int) -> list[Files]:
    """That many processes that are down, beside one, `good`, that is as well."""
    stopped(tsm, "good")
    good = Files(tsm.home, "good")
    found = []
    for number in range(count):
        files = Files(tsm.home, f"bad{number}")
        shutil.copytree(good.folder, files.folder, symlinks=True)
        for file in ("meta.json", "spec.json"):
            files.edit(file, name=files.folder.name)
        found.append(files)
    return found


def assert_broken(tsm: Tsm, paths: list[Path], parts: list[str] | None = None) -> None:
    """The processes of these files are broken, and say so; nobody touches them; `good` is fine."""
    before = {path: path.read_bytes() for path in paths}
    rows = {row["name"]: row for row in tsm("ls").rows}
    assert rows.pop("good")["status"] == "stopped"
    for path, part in zip(paths, parts or [""] * len(paths), strict=True):
        row = rows.pop(path.parent.name)
        assert row["status"] == "broken", row
        assert str(path) in row["reason"]
        assert part.replace("_", "-") in row["reason"].replace("_", "-")  # a setting by its option
    assert rows == {}
    for argv, status in (
        (("start", "all"), "online"),
        (("patrol",), "online"),
        (("restart", "all"), "online"),
        (("stop", "all"), "stopped"),
    ):
        result = tsm(*argv, ok=False)
        assert result.status == 6
        said = result.err.splitlines()
        assert len(said) == len(paths), result
        assert all(any(str(path) in line for line in said) for path in paths), result
        assert all(line.endswith(": tsm check tells what repairs it") for line in said), result
        assert tsm("ls", "good").row["status"] == status
    for argv in (("pid",), ("signal", "CONT")):
        result = tsm(*argv, *(path.parent.name for path in paths), ok=False)
        assert result.status == 6, result
        assert all(str(path) in result.err for path in paths), result
    assert {path: path.read_bytes() for path in paths} == before


class TestBroken:
    @pytest.mark.parametrize("file", ["meta.json", "spec.json"])
    def test_json_is_shown_with_its_path_and_left_as_it_is(self, tsm: Tsm, file: str) -> None:
        paths = [files.folder / file for files in copies(tsm, len(NOT_JSON))]
        for path, data in zip(paths, NOT_JSON, strict=True):
            path.write_bytes(data)
        assert_broken(tsm, paths)

    def test_json_is_not_replaced_by_a_new_definition(self, tsm: Tsm) -> None:
        for files, file in zip(copies(tsm, 2), ("meta.json", "spec.json"), strict=True):
            path = files.folder / file
            path.write_bytes(b"{")
            result = tsm("start", "sleep 1", "--name", files.folder.name, ok=False)
            assert_said(result, 6, path)
            assert path.read_bytes() == b"{"

    @pytest.mark.parametrize(
        ("file", "keys"),
        [
            ("meta.json", ["tsm_id", "name", "pid", "status", "start_time", "restarts"]),
            ("spec.json", ["name", "argv", "command", "cwd"]),
        ],
    )
    def test_missing_key_is_named(self, tsm: Tsm, file: str, keys: list[str]) -> None:
        paths = [files.folder / file for files in copies(tsm, len(keys))]
        for path, key in zip(paths, keys, strict=True):
            values = json.loads(path.read_bytes())
            del values[key]
            path.write_text(json.dumps(values))
        assert_broken(tsm, paths, keys)

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param(META_VALUES, id="meta"),
            pytest.param(SPEC_VALUES, id="spec"),
            *(pytest.param([change], id=repr(change[2])) for change in NO_BYTES),
        ],
    )
    def test_value_that_makes_no_sense_is_named(
        self, tsm: Tsm, changes: list[tuple[str, str, object]]
    ) -> None:
        paths, parts = [], []
        for files, (file, key, value) in zip(copies(tsm, len(changes)), changes, strict=True):
            files.edit(file, **{key: value})
            paths.append(files.folder / file)
            parts.append("" if isinstance(value, dict) else key.removesuffix("_s"))
        assert_broken(tsm, paths, parts)

    def test_run_record_is_named(self, tsm: Tsm) -> None:
        lines = ["pid x 1", "pid 1", "exit", "time now", "past 1 2", "launcher 1 2 3", "restarts -"]
        paths = [files.folder / "run" for files in copies(tsm, len(lines))]
        for path, line in zip(paths, lines, strict=True):
            path.write_text(path.read_text() + f"{line}\n")
        assert_broken(tsm, paths, lines)

    def test_run_record_without_its_head_is_named(self, tsm: Tsm) -> None:
        stopped(tsm, "bad")
        path = Files(tsm.home, "bad").folder / "run"
        path.write_bytes(b"exit 0\n")
        assert_said(tsm("start", "bad", ok=False), 6, path)
        assert statuses(tsm) == {"bad": "broken"}

    def test_last_line_of_the_run_record_costs_itself_alone(self, tsm: Tsm) -> None:
        tsm("start", "--name", "web", "--", *long_sleep())
        files = Files(tsm.home, "web")
        path = files.folder / "run"
        path.write_text(path.read_text() + "stop")
        assert statuses(tsm) == {"web": "online"}
        tsm("stop", "web")
        assert statuses(tsm) == {"web": "stopped"}
        assert "stopped" in files.run

    def test_last_line_of_the_history_costs_itself_alone(self, tsm: Tsm) -> None:
        tsm("start", "--name", "web", "--", *long_sleep())
        history = Files(tsm.home, "web").history
        history.write_text(history.read_text() + '{"time":1,"ev')
        tsm("stop", "web")
        first, torn, last = history.read_text().splitlines()
        assert json.loads(first)["event"] == "start"
        assert torn == '{"time":1,"ev'
        assert json.loads(last)["event"] == "stop"

    @pytest.mark.parametrize("data", [None, b"no assignment\0"])
    def test_environment_keeps_the_process_from_its_start(
        self, tsm: Tsm, data: bytes | None
    ) -> None:
        stopped(tsm, "bad", "good")
        path = Files(tsm.home, "bad").folder / "env"
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        assert_said(tsm("start", "all", ok=False), 6, path)
        assert statuses(tsm) == {"bad": "stopped", "good": "online"}
        assert tsm("patrol").out == ""

    def test_environment_is_given_anew_as_the_message_says(self, tsm: Tsm) -> None:
        stopped(tsm, "web")
        (Files(tsm.home, "web").folder / "env").unlink()
        assert "tsm restart --update-env web" in tsm("start", "web", ok=False).err
        tsm("restart", "--update-env", "web")
        assert statuses(tsm) == {"web": "online"}

    def test_process_can_be_deleted_with_its_child(self, tsm: Tsm) -> None:
        for file in ("meta.json", "spec.json"):
            argv = long_sleep()
            tsm("start", "--name", "bad", "--", *argv)
            (Files(tsm.home, "bad").folder / file).write_text("{")
            tsm("delete", "all")
            assert running(*argv) == []
            assert statuses(tsm) == {}

    def test_run_record_that_is_missing_begins_no_second_instance(self, tsm: Tsm) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--", *argv)
        path = Files(tsm.home, "web").folder / "run"
        path.unlink()
        for words in (("patrol",), ("start", "web"), ("restart", "web"), ("stop", "web")):
            assert_said(tsm(*words, ok=False), 6, path)
            assert len(running(*argv)) == 1
        tsm("delete", "web")
        assert running(*argv) == []

    def test_last_id_is_made_up_for(self, tsm: Tsm) -> None:
        stopped(tsm, "a", "b")
        for data in (b"", b"x", b"\xff", b"9" * 20):
            (tsm.home / "runtime" / "last_id").write_bytes(data)
            name = f"c{len(data)}{data.hex()}"
            row = tsm("start", "--name", name, "--", *long_sleep()).row
            assert row["tsm_id"] == max(one["tsm_id"] for one in tsm("ls").rows)
        ids = [row["tsm_id"] for row in tsm("ls").rows]
        assert ids == [1, 2, 3, 4, 5, 6]


class TestStrangers:
    def test_file_among_the_processes_is_none(self, tsm: Tsm) -> None:
        stopped(tsm, "good")
        stranger = tsm.home / "runtime" / "processes" / "notes.txt"
        stranger.write_text("mine")
        assert statuses(tsm) == {"good": "stopped"}
        tsm("start", "all")
        assert tsm("patrol").out == ""
        tsm("stop", "all")
        assert stranger.read_text() == "mine"

    @pytest.mark.parametrize("name", ["empty", "two words", "by\udcfftes"])
    def test_directory_that_is_no_process_is_broken_and_harms_nobody(
        self, tsm: Tsm, name: str
    ) -> None:
        stopped(tsm, "good")
        stranger = tsm.home / "runtime" / "processes" / name
        stranger.mkdir()
        assert statuses(tsm) == {name: "broken", "good": "stopped"}
        assert tsm("start", "all", ok=False).status == 6
        assert statuses(tsm)["good"] == "online"
        assert tsm("patrol", ok=False).status == 6
        assert tsm("stop", "all", ok=False).status == 6
        assert statuses(tsm)["good"] == "stopped"
        assert below(stranger) == []

    @pytest.mark.parametrize("name", ["nl\nx", "\udcff", "\x1b[2J"])
    def test_name_does_nothing_to_a_terminal(self, tsm: Tsm, name: str) -> None:
        (tsm.home / "runtime" / "processes" / name).mkdir(parents=True)
        for argv in (("ls", "--table"), ("check", "--table"), ("patrol",), ("stop", name)):
            result = tsm(*argv, ok=None)
            lines = [*result.out.splitlines(), *result.err.splitlines()]
            assert lines
            assert all(line.isprintable() for line in lines), result
            assert repr(name)[1:-1] in result.out + result.err

    @pytest.mark.parametrize("file", ["meta.json", "spec.json", "run"])
    def test_directory_in_the_place_of_a_file_is_broken_and_harms_nobody(
        self, tsm: Tsm, file: str
    ) -> None:
        stopped(tsm, "bad", "good")
        path = Files(tsm.home, "bad").folder / file
        path.unlink()
        path.mkdir()
        assert_said(tsm("start", "all", ok=False), 6, path)
        assert statuses(tsm) == {"bad": "broken", "good": "online"}
        assert tsm("patrol", ok=False).status == 6

    def test_keys_of_a_later_release_are_kept_through_rewrites(self, tsm: Tsm) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--", *argv)
        files = Files(tsm.home, "web")
        later = {"later": {"a": [1, None, "é"]}}
        files.edit("meta.json", **later)
        files.edit("spec.json", **later, restart={**files.spec["restart"], **later})
        tsm("stop", "web")
        tsm("start", "--name", "web", "--delay", "3", "--", *argv)
        tsm("restart", "web")
        assert files.meta["later"] == later["later"]
        assert files.spec["later"] == later["later"]
        assert files.spec["restart"]["later"] == later["later"]
        assert files.spec["restart"]["delay_s"] == 3

    def test_files_and_lines_of_a_later_release_are_left_alone(self, tsm: Tsm) -> None:
        tsm("start", "--name", "web", "--", *long_sleep())
        files = Files(tsm.home, "web")
        (files.folder / "later.json").write_text("{}")
        with (files.folder / "run").open("a") as record:
            record.write("later 1 2 3\n")
        assert statuses(tsm) == {"web": "online"}
        tsm("stop", "web")
        tsm("start", "web")
        assert (files.folder / "later.json").read_text() == "{}"


class TestHome:
    COMMANDS = (("ls",), ("patrol",), ("stop", "all"), ("start", "--name", "a", "--", "sleep", "9"))

    @pytest.mark.parametrize(
        ("argv", "mode"),
        [*((argv, 0o777) for argv in COMMANDS), (("ls",), 0o770), (("ls",), 0o702)],
    )
    def test_that_others_may_write_to_is_refused(
        self, tsm: Tsm, argv: tuple[str, ...], mode: int
    ) -> None:
        tsm.home.chmod(mode)
        result = tsm(*argv, ok=False)
        assert_said(result, 7, tsm.home)
        assert "chmod" in result.err
        assert below(tsm.home) == []
        tsm.home.chmod(0o700)

    @pytest.mark.parametrize("argv", COMMANDS)
    def test_that_is_a_file_is_refused(self, tsm: Tsm, argv: tuple[str, ...]) -> None:
        path = tsm.cwd / "file"
        path.touch()
        assert_said(tsm(*argv, env={"TSM_HOME": str(path)}, ok=False), 7, path)
        assert path.read_bytes() == b""

    @pytest.mark.parametrize("argv", COMMANDS)
    def test_below_a_file_is_refused(self, tsm: Tsm, argv: tuple[str, ...]) -> None:
        path = tsm.cwd / "file"
        path.touch()
        result = tsm(*argv, env={"TSM_HOME": str(path / "home")}, ok=False)
        assert_said(result, 7, path)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
    @pytest.mark.parametrize("argv", COMMANDS)
    def test_of_another_user_is_refused_even_to_root(self, tsm: Tsm, argv: tuple[str, ...]) -> None:
        os.chown(tsm.home, NOBODY, NOBODY)
        assert_said(tsm(*argv, ok=False), 7, tsm.home)
        assert below(tsm.home) == []
        os.chown(tsm.home, os.geteuid(), os.getegid())

    def test_may_be_reached_through_a_link(self, tsm: Tsm) -> None:
        link = tsm.cwd / "link"
        link.symlink_to(tsm.home)
        tsm("start", "--name", "web", "--", *long_sleep(), env={"TSM_HOME": str(link)})
        assert statuses(tsm) == {"web": "online"}

    @pytest.mark.parametrize(
        "folder", ["db", "db/history", "db/events", "runtime/pids", "runtime/locks"]
    )
    def test_gets_a_folder_again_that_somebody_has_removed(self, tsm: Tsm, folder: str) -> None:
        tsm("start", "--name", "web", "--min-uptime", "0", "--", *long_sleep())
        files = Files(tsm.home, "web")
        pid = files.child
        shutil.rmtree(tsm.home / folder)
        kill(pid)
        eventually(lambda: files.pid_file.read_text() != f"{pid}\n")
        eventually(lambda: "crash" in tsm("events").out and "crash" in tsm("history", "web").out)
        shutil.rmtree(tsm.home / folder)
        tsm("restart", "web")
        shutil.rmtree(tsm.home / folder)
        tsm("stop", "web")
        assert tsm("patrol").out == tsm("check").out == ""


@pytest.fixture
def plain_user() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs `tsm ARGV...` in a home of a user who may not do everything."""
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    words = [*(prefix if os.geteuid() == 0 else []), str(PROGRAM)]
    if os.geteuid() == 0 and (
        shutil.which("setpriv") is None
        or subprocess.run(
            [*prefix, "/bin/sh", "-c", '"$0" --version', str(PROGRAM)],
            capture_output=True,
            check=False,
        ).returncode  # as a launcher calls it: setpriv's own exec still finds what root may see
    ):
        pytest.skip("nobody may not run tsm here")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        for path in (home, home.parent):
            os.chown(path, user, user)
        env = {"PATH": "/usr/bin:/bin", "HOME": folder, "TSM_HOME": str(home)}

        def run(*argv: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*words, *argv], env=env, cwd=folder, capture_output=True, text=True, check=False
            )

        yield run
        for path in (home, *home.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o700)
        run("delete", "all")


class TestPermission:
    def test_home_that_may_not_be_written_is_told_by_path(
        self, plain_user: Callable[..., subprocess.CompletedProcess[str]]
    ) -> None:
        assert plain_user("start", "--name", "web", "--", *long_sleep()).returncode == 0
        root = Path(json.loads(plain_user("ls").stdout)["cwd"]) / "home"
        (root / "runtime" / "processes").chmod(0o500)
        (root / "runtime" / "processes" / "web").chmod(0o500)
        for argv in (("start", "--name", "b", "--", "sleep", "9"), ("stop", "web")):
            done = plain_user(*argv)
            assert done.returncode == 7, done
            assert done.stderr.count("\n") == 1
            assert str(root / "runtime" / "processes") in done.stderr
            assert "Permission denied" in done.stderr
        assert json.loads(plain_user("ls").stdout)["status"] == "online"

    def test_process_that_may_not_be_read_is_broken_and_harms_nobody(
        self, plain_user: Callable[..., subprocess.CompletedProcess[str]]
    ) -> None:
        for name in ("bad", "good"):
            assert plain_user("start", "--name", name, "--", *long_sleep()).returncode == 0
        assert plain_user("stop", "all").returncode == 0
        cwd = json.loads(plain_user("ls", "good").stdout)["cwd"]
        path = Path(cwd) / "home" / "runtime" / "processes" / "bad" / "meta.json"
        path.chmod(0)
        rows = [json.loads(line) for line in plain_user("ls").stdout.splitlines()]
        assert {row["name"]: row["status"] for row in rows} == {"bad": "broken", "good": "stopped"}
        done = plain_user("start", "all")
        assert str(path) in done.stderr
        assert json.loads(plain_user("ls", "good").stdout)["status"] == "online"

    def test_crash_is_answered_for_a_plain_user_as_well(
        self, plain_user: Callable[..., subprocess.CompletedProcess[str]]
    ) -> None:
        argv = long_sleep()
        assert plain_user("start", "--name", "web", "--delay", "0", "--", *argv).returncode == 0
        (pid,) = running(*argv)
        os.kill(pid, 9)
        eventually(lambda: running(*argv) not in ([], [pid]))


@pytest.fixture
def disk(tsm: Tsm) -> Iterator[Path]:
    """A very small file system, and the home of the commands in it."""
    folder = tsm.cwd / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tsm-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a file system of its own")
    here = tsm.env["TSM_HOME"]
    tsm.env["TSM_HOME"] = str(folder)
    shutil.copy(tsm.home / "config.toml", folder)
    try:
        yield folder
    finally:
        (folder / "filler").unlink(missing_ok=True)
        tsm("delete", "all", ok=None)
        tsm.env["TSM_HOME"] = here
        eventually(
            lambda: (
                subprocess.run(["umount", folder], capture_output=True, check=False).returncode == 0
            )
        )


def fill(disk: Path) -> None:
    """Take the last byte of it."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError:
            pass


class TestFullDisk:
    def assert_no_room(self, result: Result, disk: Path) -> None:
        assert result.status == 7, result
        assert result.err.count("\n") == 1, result
        assert str(disk) in result.err
        assert "No space left" in result.err

    def test_start_of_a_new_process_leaves_nothing(self, tsm: Tsm, disk: Path) -> None:
        tsm("start", "--name", "web", "--", *long_sleep())
        fill(disk)
        before = below(disk)
        argv = long_sleep()
        self.assert_no_room(tsm("start", "--name", "new", "--", *argv, ok=False), disk)
        assert below(disk) == before
        assert running(*argv) == []
        assert statuses(tsm) == {"web": "online"}

    def test_start_of_a_stopped_process_leaves_it_stopped(self, tsm: Tsm, disk: Path) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--", *argv)
        tsm("stop", "web")
        fill(disk)
        self.assert_no_room(tsm("start", "web", ok=False), disk)
        assert running(*argv) == []
        assert statuses(tsm) == {"web": "stopped"}
        (disk / "filler").unlink()
        assert tsm("patrol").out == ""
        assert statuses(tsm) == {"web": "stopped"}

    def test_new_definition_leaves_the_old_one(self, tsm: Tsm, disk: Path) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--", *argv)
        tsm("stop", "web")
        files = Files(disk, "web")
        before = (files.spec, files.env)
        fill(disk)
        self.assert_no_room(tsm("start", "--name", "web", "--", "sleep", "9", ok=False), disk)
        assert (files.spec, files.env) == before
        assert statuses(tsm) == {"web": "stopped"}

    def test_restart_leaves_the_child_that_there_was(self, tsm: Tsm, disk: Path) -> None:
        pid = tsm("start", "--name", "web", "--", *long_sleep()).row["pid"]
        fill(disk)
        self.assert_no_room(tsm("restart", "web", ok=False), disk)
        assert alive(pid)
        assert statuses(tsm) == {"web": "online"}

    def test_stop_works(self, tsm: Tsm, disk: Path) -> None:
        argv = long_sleep()
        for name in ("a", "b"):
            tsm("start", "--name", name, "--", *argv)
        fill(disk)
        result = tsm("stop", "all", ok=None)
        assert running(*argv) == []
        assert result.status in (0, 7)
        if result.status:
            self.assert_no_room(result, disk)
        assert statuses(tsm) == {"a": "stopped", "b": "stopped"}
        assert tsm("patrol", ok=None).status in (0, 7)
        (disk / "filler").unlink()
        tsm("patrol")
        assert statuses(tsm) == {"a": "stopped", "b": "stopped"}
        assert tsm("patrol").out == ""
        assert Files(disk, "a").event_names() == ["start", "stop"]

    def test_delete_makes_room(self, tsm: Tsm, disk: Path) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--", *argv)
        fill(disk)
        tsm("delete", "web", ok=None)
        assert running(*argv) == []
        (disk / "filler").unlink()
        tsm("delete", "all")
        assert statuses(tsm) == {}

    def test_child_runs_on_and_its_crash_is_answered_once_there_is_room(
        self, tsm: Tsm, disk: Path
    ) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--min-uptime", "0", "--", *argv)
        files = Files(disk, "web")
        launcher = files.launcher
        child = files.child
        fill(disk)
        os.kill(child, 9)

        def answered() -> bool:  # at once, if what is needed has room in what is there already
            waits = ["sleep"] in [argv_of(pid)[:1] for pid in children(launcher) if pid != child]
            return waits or running(*argv) not in ([], [child])

        eventually(answered)
        (disk / "filler").unlink()  # the launcher asks again by itself
        eventually(lambda: statuses(tsm) == {"web": "online"})
        eventually(lambda: running(*argv))  # a patrol does not wait for the exec
        assert len(running(*argv)) == 1
