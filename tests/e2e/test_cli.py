"""What holds for every command: help, output, errors, and what it costs to begin."""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
import re
import stat
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.machine import processes
from tests.running import PROGRAM
from tests.waiting import eventually
from tsm.commands import TABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.running import Tsm

# Those that look and do not touch, each with the arguments that make it print something.
LOOKING = (
    ("ls",),
    ("describe", "web"),
    ("logs", "web"),
    ("pid", "web"),
    ("env", "web"),
    ("path", "web"),
    ("events",),
    ("history", "web"),
    ("startup", "cron"),
    ("startup", "systemd"),
    ("completion", "bash"),
)
HELPING = (("--help",), ("help", "ls"), ("ls", "--help"), ("--version",), ())
SILENT = ("logs", "pid", "path", "startup", "completion")  # of those, the ones without JSON

# The modules that a reading command may load beyond a bare interpreter. argparse and json
# bring most of them; each one more is paid for by every call.
MODULES = {
    *("__future__", "argparse", "bisect", "collections", "contextlib", "copyreg", "enum", "errno"),
    *("fcntl", "functools", "gettext", "heapq", "importlib", "itertools", "json", "keyword"),
    *("operator", "re", "reprlib", "select", "signal", "types", "warnings"),
}
DEAR = {
    *("psutil", "filelock", "orjson", "asyncio", "daemon", "pathlib", "subprocess", "typing"),
    *("inspect", "dataclasses", "ast", "dis", "tokenize", "shutil", "tempfile", "logging"),
    *("socket", "ssl", "threading", "datetime", "difflib", "hashlib", "uuid", "random"),
    *("tomllib", "string", "textwrap", "bz2", "lzma", "zlib"),
}


def online(tsm: Tsm) -> int:
    """The pid of a process that has said something."""
    pid: int = tsm("start", app("script.sh", "you"), "--name", "web").row["pid"]
    eventually((processes(tsm) / "web/current.err").read_text)
    return pid


def run(
    tsm: Tsm,
    argv: Sequence[str],
    redirection: str = "",
    *,
    stdout: int = subprocess.DEVNULL,
    **env: str,
) -> tuple[int, str]:
    """The exit status and the stderr of `tsm ARGV... REDIRECTION`."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", str(PROGRAM), *argv],
        env={**tsm.env, **env},
        cwd=tsm.cwd,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stderr


# Help.


@pytest.mark.parametrize("argv", [(), ("-h",), ("--help",), ("help",)])
def test_help_lists_every_command_with_its_sentence(tsm: Tsm, argv: tuple[str, ...]) -> None:
    result = tsm(*argv)
    for row in TABLE.values():
        assert re.search(rf"(?m)^  {row.name} +{re.escape(row.sentence)}$", result.out)
    assert result.err == ""


def test_every_command_has_a_help_that_begins_with_its_sentence(tsm: Tsm) -> None:
    for name, row in TABLE.items():
        result = tsm(name, "--help")
        assert f"{row.sentence[0].upper()}{row.sentence[1:]}" in " ".join(result.out.split())
        assert result.out.startswith(f"usage: tsm {name}")
        assert result.err == ""
    assert tsm("help", "rm").out == tsm("delete", "-h").out == tsm("delete", "--help").out


@pytest.mark.parametrize("word", ["rm", "list", "status", "ps", "show"])
def test_an_alias_is_its_command(tsm: Tsm, word: str) -> None:
    assert "(also: " in tsm(word, "--help").out


def test_help_for_what_is_no_command_is_2(tsm: Tsm) -> None:
    assert tsm("help", "nonsense", ok=False).status == 2


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_the_version_is_that_of_the_package(tsm: Tsm, word: str) -> None:
    assert tsm(word).out == f"tsm {importlib.metadata.version('tsm-toolkit')}\n"


def test_python_m_tsm_is_tsm(tsm: Tsm) -> None:
    online(tsm)
    words = [sys.executable, "-m", "tsm", "pid", "web"]
    done = subprocess.run(words, env=tsm.env, capture_output=True, text=True, check=True)
    assert done.stdout == tsm("pid", "web").out
    words[-1] = "nobody"
    done = subprocess.run(words, env=tsm.env, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("tsm pid: nobody: ")


# Words that are no command.


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("strat", "did you mean start?"),
        ("resurect", "did you mean resurrect?"),
        ("Logs", "did you mean logs?"),
        ("xyzzy", "tsm --help lists them"),
        ("", "tsm --help lists them"),
        ("--json", "tsm --help lists them"),
    ],
)
def test_an_unknown_command_is_2_with_a_hint(tsm: Tsm, word: str, hint: str) -> None:
    result = tsm(word, ok=False)
    assert (result.status, result.out) == (2, "")
    assert result.err == f"tsm: {word or repr(word)}: no such command: {hint}\n"


def extended(tsm: Tsm, name: str, script: str, mode: int = 0o755) -> dict[str, str | None]:
    """An environment with a program of that name on PATH."""
    folder = tsm.cwd / "bin"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(mode)
    return {"PATH": f"{folder}:{tsm.env['PATH']}"}


def test_another_word_is_a_program_on_the_path(tsm: Tsm) -> None:
    env = extended(tsm, "tsm-foo", 'echo "$# $1 $2"; cat; echo "$TSM_HOME" >&2; exit 42')
    result = tsm("foo", "a b", "--help", ok=False, env=env, stdin="hello\n")
    assert (result.status, result.out) == (42, "2 a b --help\nhello\n")
    assert result.err == f"{tsm.home}\n"


def test_a_command_is_never_taken_from_the_path(tsm: Tsm) -> None:
    assert tsm("ls", env=extended(tsm, "tsm-ls", "echo evil")).out == ""
    assert tsm("ps", env=extended(tsm, "tsm-ps", "echo evil")).out == ""


def test_what_cannot_be_executed_is_no_command(tsm: Tsm) -> None:
    assert tsm("foo", ok=False, env=extended(tsm, "tsm-foo", "echo", 0o644)).status == 2


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("#!/no/such/interpreter", "No such file or directory (its interpreter or loader)"),
        ("\x7fELF", "Exec format error"),
    ],
)
def test_what_cannot_be_run_after_all_is_named(tsm: Tsm, head: str, why: str) -> None:
    env = extended(tsm, "tsm-foo", "")
    program = tsm.cwd / "bin" / "tsm-foo"
    program.write_text(f"{head}\n")
    result = tsm("foo", ok=False, env=env)
    assert (result.status, result.err) == (7, f"tsm: cannot execute {program}: {why}\n")


def test_a_path_is_no_command(tsm: Tsm) -> None:
    extended(tsm, "tsm-foo", "echo evil")
    env: dict[str, str | None] = {"PATH": f".:{tsm.env['PATH']}"}
    assert tsm("../bin/tsm-foo", ok=False, env=env, cwd=tsm.cwd / "bin").status == 2


# Output.


def test_data_are_json_in_a_pipe_and_text_on_a_terminal(tsm: Tsm) -> None:
    online(tsm)
    for argv in LOOKING:
        piped, shown = tsm(*argv), tsm.on_terminal(*argv)
        assert (piped.status, shown.status, piped.err) == (0, 0, "")
        if argv[0] in SILENT:
            assert piped.out == shown.out, argv  # plain lines wherever they go
        else:
            assert piped.rows
            assert not any(line.startswith("{") for line in shown.out.splitlines())


def test_json_and_table_decide_whatever_the_output_is(tsm: Tsm) -> None:
    online(tsm)
    for argv in LOOKING:
        if argv[0] not in SILENT:
            assert tsm(*argv, "--json").rows
            assert tsm.on_terminal(*argv, "--json").rows
            assert not tsm(*argv, "--table").out.startswith("{")
            assert tsm(*argv, "--json", "--table", ok=False).status == 2


def test_a_table_has_its_heads_and_its_columns(tsm: Tsm) -> None:
    pid = online(tsm)
    head, row = tsm("ls", "--table").out.splitlines()
    heads = ["ID", "Name", "PID", "Port", "Status", "Uptime", "Restarts", "CPU", "Mem"]
    assert head.split() == heads
    assert row.split()[:5] == ["1", "web", str(pid), "-", "online"]
    assert head.index("Name") == row.index("web")
    assert head.index("PID") + 3 == row.index(str(pid)) + len(str(pid))


def test_colours_are_for_terminals_without_no_color(tsm: Tsm) -> None:
    online(tsm)
    for argv in (("ls",), ("events",), ("history", "web"), ("describe", "web")):
        assert "\x1b[" not in tsm(*argv, "--table").out
        assert "\x1b[" not in tsm.on_terminal(*argv, env={"NO_COLOR": "1"}).out
    for argv in (("ls",), ("events",), ("history", "web")):
        assert "\x1b[" in tsm.on_terminal(*argv).out
        assert "\x1b[" in tsm.on_terminal(*argv, env={"NO_COLOR": ""}).out


def test_options_may_stand_anywhere(tsm: Tsm) -> None:
    online(tsm)
    line = tsm("logs", "web", "--out").out
    assert line == tsm("logs", "--out", "web").out == "hello you\n"
    assert tsm("logs", "web", "--out", "web").out == line


def test_a_reader_that_has_gone_is_met_with_silence_and_0(tsm: Tsm) -> None:
    online(tsm)
    reader, writer = os.pipe()
    os.close(reader)
    met = {argv: run(tsm, argv, stdout=writer) for argv in (*LOOKING, *HELPING)}
    os.close(writer)
    assert {argv: answer for argv, answer in met.items() if answer != (0, "")} == {}


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_is_full_is_7_and_one_line(tsm: Tsm, unbuffered: str) -> None:
    online(tsm)
    met = {
        argv: run(tsm, argv, ">/dev/full", PYTHONUNBUFFERED=unbuffered)
        for argv in (*LOOKING, *HELPING)
    }
    line = re.compile(r"tsm( \w+)?: .*No space left on device\n")
    assert {
        argv: (status, err)
        for argv, (status, err) in met.items()
        if status != 7 or not line.fullmatch(err)
    } == {}


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_reason_to_fall_over(tsm: Tsm, redirection: str) -> None:
    online(tsm)
    expected = {0, 7} if " >&-" in f" {redirection}" else {0}
    met = {argv: run(tsm, argv, redirection) for argv in (*LOOKING[:4], *HELPING[1:])}
    assert {
        argv: (status, err)
        for argv, (status, err) in met.items()
        if status not in expected or len(err.splitlines()) > 1
    } == {}
    assert run(tsm, ("ls", "nobody"), redirection)[0] == 3


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full"])
def test_what_acts_acts_whatever_becomes_of_its_answer(tsm: Tsm, redirection: str) -> None:
    argv = ("start", app("script.sh", "you"), "--name", "web")
    _, err = run(tsm, argv, redirection)
    assert "Traceback" not in err
    assert tsm("ls", "web").row["status"] == "online"
    eventually(lambda: tsm("logs", "web").out == "hello you\noops\n")
    run(tsm, ("restart", "web"), redirection)
    assert tsm("ls", "web").row["restarts"] == 1
    run(tsm, ("delete", "web"), redirection)
    assert tsm("ls").out == ""


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "nonsense"},
        {"TERM": "dumb"},
    ],
    ids=str,
)
def test_a_poor_locale_is_no_reason_to_fall_over(tsm: Tsm, env: dict[str, str | None]) -> None:
    folder = tsm.cwd / "caf\u00e9 \u2603"
    folder.mkdir()
    tsm("start", "--name", "web", "--", "sleep", "1000", cwd=folder, env={"NAME": "caf\u00e9"})
    for argv in (("ls",), ("describe", "web"), ("env", "web"), ("startup", "cron")):
        assert tsm(*argv, env=env).err == ""
        assert tsm.on_terminal(*argv, env=env).status == 0
    (tsm.cwd / "more \u2603").mkdir()
    tsm("start", "--name", "more", "--", "sleep", "1000", cwd=tsm.cwd / "more \u2603", env=env)
    row = tsm("describe", "more").row
    assert row["spec"]["cwd"] == str(tsm.cwd / "more \u2603")


# Errors.


ERRORS = (
    (("ls", "--nope"), 2),
    (("ls", "--js"), 2),
    (("ls", "--sort", "beauty"), 2),
    (("ls", "--sort"), 2),
    (("ls", "a\nb"), 3),
    (("ls", "\udcff"), 3),
    (("ls", "["), 3),
    (("stop",), 2),
    (("stop", "nobody"), 3),
    (("start",), 2),
    (("restart", "nobody"), 3),
    (("delete", "nobody"), 3),
    (("describe",), 2),
    (("env",), 2),
    (("env", "a", "b"), 2),
    (("pid",), 2),
    (("signal",), 2),
    (("signal", "HUP"), 2),
    (("signal", "HUP", "nobody"), 3),
    (("wait",), 2),
    (("history",), 2),
    (("events", "today"), 2),
    (("save", "a", "b"), 2),
    (("completion",), 2),
    (("\udcff",), 2),
    (("a\nb",), 2),
    (("\x1b[31m",), 2),
    (("-",), 2),
    (("--",), 2),
)


def test_an_error_is_one_line_that_names_the_command(tsm: Tsm) -> None:
    for argv, status in ERRORS:
        result = tsm(*argv, ok=False)
        assert (result.status, result.out) == (status, ""), result
        (line,) = result.err.split("\n")[:-1]
        assert line.startswith(f"tsm {argv[0]}: " if argv[0] in TABLE else "tsm: "), result


def _file(home: Path) -> str:
    home.write_text("")
    return "not a directory"


def _below_a_file(home: Path) -> str:
    home.parent.rmdir()
    home.parent.write_text("")
    return "Not a directory"


def _writable(home: Path) -> str:
    home.mkdir()
    home.chmod(0o770)
    return "others may write to it"


def _of_another(home: Path) -> str:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    home.mkdir(mode=0o700)
    os.chown(home, 65534, -1)
    return "belongs to uid 65534"


def _loop(home: Path) -> str:
    home.symlink_to(home)
    return "Too many levels of symbolic links"


def _with_a_file_for_processes(home: Path) -> str:
    (home / "runtime").mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    (home / "runtime/processes").write_text("")
    return "processes"


@pytest.mark.parametrize(
    "spoil",
    [_file, _below_a_file, _writable, _of_another, _loop, _with_a_file_for_processes],
    ids=lambda spoil: spoil.__name__.strip("_").replace("_", " "),
)
def test_a_home_that_cannot_be_used_is_7_and_one_line(tsm: Tsm, spoil: object) -> None:
    home = tsm.cwd / "folder/spoilt"
    home.parent.mkdir()
    assert callable(spoil)
    said = spoil(home)
    env: dict[str, str | None] = {"TSM_HOME": str(home)}
    for argv in (("ls",), ("start", "sleep 1000"), ("save",), ("check",)):
        result = tsm(*argv, ok=False, env=env)
        assert (result.status, result.out) == (7, ""), result
        assert result.err.startswith(f"tsm {argv[0]}: {home}")
        assert said in result.err
        assert len(result.err.splitlines()) == 1


def test_a_working_directory_that_has_gone_hinders_nobody_who_looks(tsm: Tsm) -> None:
    online(tsm)
    gone = tsm.cwd / "gone"
    gone.mkdir()
    for argv in LOOKING[:8]:
        done = subprocess.run(
            ["sh", "-c", 'cd "$0" && rmdir "$0" && "$@"; echo $?', gone, PROGRAM, *argv],
            env=tsm.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout.splitlines()[-1], done.stderr) == ("0", ""), argv
        gone.mkdir()


def test_a_start_in_a_working_directory_that_has_gone_is_7(tsm: Tsm) -> None:
    gone = tsm.cwd / "gone"
    gone.mkdir()
    done = subprocess.run(
        ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', gone, PROGRAM, "start", "sleep 1000"],
        env=tsm.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "")
    assert len(done.stderr.splitlines()) == 1
    assert "director" in done.stderr
    assert tsm("ls").out == ""


# What looking costs.


def test_looking_writes_nothing_and_waits_for_no_lock(tsm: Tsm) -> None:
    online(tsm)
    tsm("save")
    before = _snapshot(tsm.home)
    with ExitStack() as locks:
        for path in (tsm.home / "runtime/locks").iterdir():
            file = locks.enter_context(path.open())
            fcntl.flock(file, fcntl.LOCK_EX)
        for argv in (*LOOKING, ("check",), ("wait", "--until", "online", "web")):
            tsm(*argv)
            assert _snapshot(tsm.home) == before, argv


def _snapshot(home: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for path in (home, *home.rglob("*")):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            found[str(path)] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def test_looking_at_a_home_that_is_not_there_does_not_make_it(tsm: Tsm) -> None:
    home = tsm.cwd / "nowhere"
    for argv in (*LOOKING, ("check",), ("patrol",), ("stop", "all"), ("wait", "all")):
        tsm(*argv, ok=None, env={"TSM_HOME": str(home)})
        assert not home.exists(), argv


def loaded(tsm: Tsm, *argv: str) -> set[str]:
    """The packages that `tsm ARGV...` imports beyond a bare interpreter, tsm itself aside."""
    program = "import sys; from tsm.cli import main; sys.exit(main(sys.argv[1:]))"
    whole, bare = (
        subprocess.run(
            [sys.executable, "-X", "importtime", "-c", *words],
            env=tsm.env,
            cwd=tsm.cwd,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        ).stderr
        for words in ((program, *argv), ("pass",))
    )
    names = _imported(whole) - _imported(bare) - {"tsm"}
    return {name for name in names if not name.startswith("_") or name == "__future__"}


def _imported(report: str) -> set[str]:
    found = re.findall(r"(?m)^import time:.*\| +(\S+)$", report)
    return {name.partition(".")[0] for name in found}


def test_a_reader_loads_no_module_but_those(tsm: Tsm) -> None:
    online(tsm)
    tsm("start", "true", "--name", "done", "--restart", "no")
    tsm("wait", "done")
    found = {
        argv: loaded(tsm, *argv)
        for argv in (("ls",), ("ls", "--table"), ("logs",), ("pid", "web"), ("path", "web"))
    }
    assert {argv: names - MODULES for argv, names in found.items() if names - MODULES} == {}
    assert {argv: names & DEAR for argv, names in found.items() if names & DEAR} == {}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="others load others")
def test_the_list_of_modules_holds_none_that_nobody_loads(tsm: Tsm) -> None:
    online(tsm)
    assert MODULES - loaded(tsm, "ls", "web") - loaded(tsm, "logs", "web") == set()
