"""What a child inherits: what was asked for, to the byte, and nothing of its caller's."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import terminal
from tests.apps import app
from tests.e2e.files import Files, environment
from tests.running import PROGRAM
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.running import Tsm

# A caller who leaves much behind: ignored and blocked signals, descriptors, an odd environment.
CALLER = """
import ast, os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE,
               signal.SIGCHLD, signal.SIGTTOU, signal.SIGUSR2, signal.SIGRTMIN + 3):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM, signal.SIGRTMAX])
null = os.open("/dev/null", os.O_RDWR)
for fd in (3, 4, 5, 6, 7, 8, 9, 10, 63, 200):
    os.dup2(null, fd)
with open(sys.argv[1]) as file:
    env = {**os.environb, **ast.literal_eval(file.read())}
os.execve(sys.argv[2], sys.argv[2:], env)
"""
ODD_ENVIRONMENT = {
    b"a.b": b"dot",
    b"a-b": b"dash",
    b"a b": b"space",
    b"9lives": b"digit",
    b"BASH_FUNC_x%%": b"() { echo hi; }",
    b"IFS": b":",
    b"PPID": b"not a number",
    b"OPTIND": b"not a number",
    b"LINENO": b"not a number",
    b"PS1": b"$(exit 1)",
    b"PS4": b"`exit 1`",
    b"ENV": b"/no/such/file",
    b"BASH_ENV": b"/no/such/file",
    b"CDPATH": b"/",
    b"SHLVL": b"7",
    b"RANDOM": b"4",
    b"UID": b"me",
    b"POSIXLY_CORRECT": b"",
    b"EMPTY": b"",
    b"em.pty": b"",
    b"PERCENT": b"100% %s %%",
    b"per%cent": b"%n",
    b"DOLLAR": b"$HOME ${HOME} $(id) `id`",
    b"dol$lar": b"$HOME",
    b"QUOTES": b"'\"\\'\"",
    b"quo'te\"s": b"'\"\\",
    b"LINES_": b"one\ntwo\n\n",
    b"line\nbreak": b"\n\n",
    b"BYTES": b"\xff\xfe\x80",
    b"by\xfftes": b"\xfe",
    b"\xc3\xa9": b"\xc3\xa9",
    b"EQUALS": b"a=b=c",
    b"CONTROL": bytes(range(1, 32)),
    b"LONG": b"x" * 100_000,
    b"long.er": b"y" * 100_000,
}


@dataclass(frozen=True, slots=True)
class Child:
    """What a child has said of itself, and what is written of it."""

    context: dict[str, Any]
    files: Files

    @property
    def environ(self) -> dict[bytes, bytes]:
        """The environment that it was executed with."""
        path = Path(f"/proc/{self.context['pid']}/environ")
        return environment(path.read_bytes())


def born(tsm: Tsm, *argv: str, options: tuple[str, ...] = (), tty: bool = False) -> Child:
    """Start context.py as `web` with `argv` after its own; wait for what it says."""
    said = tsm.cwd / "context.json"
    words = [*shlex.split(app("context.py", said)), *argv]
    run_by_caller(tsm, ["start", "--name", "web", *options, "--", *words], tty=tty)
    return Child(eventually(lambda: json.loads(said.read_bytes())), Files(tsm.home, "web"))


def run_by_caller(
    tsm: Tsm, argv: list[str], *, tty: bool = False, env: Mapping[bytes, bytes] = ODD_ENVIRONMENT
) -> None:
    """Run `tsm ARGV...` as a program of the odd caller."""
    odd = tsm.cwd / "environment"
    odd.write_text(repr(env))
    words = [sys.executable, "-S", "-c", CALLER, str(odd), str(PROGRAM), *argv]
    if tty:
        status, out = terminal.shown(words, env=tsm.env, cwd=tsm.cwd)
        assert status == 0, out
        return
    done = subprocess.run(
        words, env=tsm.env, cwd=tsm.cwd, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done


def test_argv_arrives_to_the_byte(tsm: Tsm) -> None:
    odd = ["", " ", "%s%%", "$HOME", "`id`", "'", '"', "\\", "a\nb\n", "\udcff\udc80", "-n", "--"]
    odd += ["*", "~", "!", "#", ";", "&", "|", "é", "x" * 100_000, "a=b", "$0", "\t\x01\x7f"]
    said = born(tsm, *odd).context["argv"][2:]
    assert [word.encode("latin-1") for word in said] == [
        word.encode("utf-8", "surrogateescape") for word in odd
    ]


def test_argv_given_as_a_string_arrives_to_the_byte(tsm: Tsm) -> None:
    odd = ["", "%s", "$HOME", "'", '"', "\\", "a\nb", "\udcff", "*", ";", "é"]
    said = tsm.cwd / "context.json"
    tsm("start", shlex.join([*shlex.split(app("context.py", said)), *odd]), "--name", "web")
    context = eventually(lambda: json.loads(said.read_bytes()))
    assert [word.encode("latin-1") for word in context["argv"][2:]] == [
        word.encode("utf-8", "surrogateescape") for word in odd
    ]


def test_environment_arrives_to_the_byte(tsm: Tsm) -> None:
    child = born(tsm)
    run = {b"TSM_RUN": child.files.run["id"].encode()}
    assert child.environ == {**child.files.env, **run}
    caller = {name.encode(): value.encode() for name, value in tsm.env.items()}
    ours = {b"TSM_NAME": b"web", b"PWD": bytes(tsm.cwd)}
    assert child.environ == {**caller, **ODD_ENVIRONMENT, **ours, **run}


def test_environment_arrives_to_the_byte_in_a_restart(tsm: Tsm) -> None:
    child = born(tsm)
    before = child.environ
    said = tsm.cwd / "context.json"
    said.unlink()
    tsm("restart", "web", env={"NEW": "1"})
    again = Child(eventually(lambda: json.loads(said.read_bytes())), child.files)
    before[b"TSM_RUN"] = child.files.run["id"].encode()
    assert again.environ == before


@pytest.mark.parametrize(
    "name", ["-i", "-u", "--help", "-", "TSM_FOLD_1", "TSM_FOLD_2", "TSM_RUN_"]
)
def test_variable_that_looks_like_something_else_arrives(tsm: Tsm, name: str) -> None:
    odd = {name: "1", "a.b": "2", "IFS": "3"}
    said = tsm.cwd / "context.json"
    files = Files(tsm.home, "web")
    tsm("start", app("context.py", said), "--name", "web", env={**odd, **tsm.env})
    assert eventually(lambda: said.exists() or "exit" in files.run)
    assert (files.folder / "current.err").read_text() == ""
    environ = json.loads(said.read_bytes())["environ"]
    assert {key: environ.get(key) for key in odd} == odd


def test_odd_bytes_of_options_arrive(tsm: Tsm) -> None:
    text = "%s $HOME \udcff 'x'\n"
    (tsm.cwd / "odd.env").write_bytes(b"FILE='%s $HOME \xff\nb'\n")
    options = ("--env", f"odd.name={text}", "--env", f"PLAIN={text}", "--env-file", "odd.env")
    env = born(tsm, options=options).environ
    expected = text.encode("utf-8", "surrogateescape")
    assert (env[b"odd.name"], env[b"PLAIN"]) == (expected, expected)
    assert env[b"FILE"] == b"%s $HOME \xff\nb"


def test_session_is_its_own_and_has_no_terminal(tsm: Tsm) -> None:
    context = born(tsm, tty=True).context
    assert context["session_leader"]
    assert not context["tty"]


@pytest.mark.parametrize("tty", [False, True])
def test_only_its_own_three_files_are_open(tsm: Tsm, *, tty: bool) -> None:
    child = born(tsm, tty=tty)
    assert child.context["fds"] == {
        "0": "/dev/null",
        "1": str(child.files.folder / "current.out"),
        "2": str(child.files.folder / "current.err"),
    }


def test_launcher_holds_nothing_of_the_caller_open(tsm: Tsm) -> None:
    files = born(tsm, tty=True).files
    fds = Path(f"/proc/{files.launcher}/fd")
    open_files = {int(fd.name): str(fd.readlink()) for fd in fds.iterdir()}
    assert {fd: path for fd, path in open_files.items() if fd < 3} == {
        0: str(files.folder / "run"),
        1: "/dev/null",
        2: "/dev/null",
    }
    assert open_files.pop(8).startswith("pipe:")  # in which its child has heard the word
    # dash keeps its script open, under a number of its own choice
    assert [path for fd, path in open_files.items() if fd > 2 and "launch.sh" not in path] == []


def start_that_tells_its_signals(tsm: Tsm, said: Path) -> None:
    """Start signals.sh by the odd caller; a shell needs an OPTIND that is a number."""
    words = shlex.split(app("signals.sh", said))
    run_by_caller(tsm, ["start", "--name", "web", "--delay", "0", "--", *words], env={})


def assert_no_signal_is_ignored_or_blocked(said: Path) -> None:
    """What signals.sh wrote; of the signals that programs may use, that is: not 32 and 33."""
    lines = dict(line.split() for line in eventually(said.read_text).splitlines())
    ours = sum(1 << (number - 1) for number in signal.valid_signals())
    assert int(lines["SigBlk:"], 16) & ours == 0
    assert int(lines["SigIgn:"], 16) & ours == 0


def test_no_signal_is_ignored_or_blocked(tsm: Tsm) -> None:
    said = tsm.cwd / "signals"
    start_that_tells_its_signals(tsm, said)
    assert_no_signal_is_ignored_or_blocked(said)


def test_no_signal_is_ignored_or_blocked_in_the_restart_after_a_crash(tsm: Tsm) -> None:
    said = tsm.cwd / "signals"
    start_that_tells_its_signals(tsm, said)
    eventually(said.read_text)
    said.unlink()
    os.kill(Files(tsm.home, "web").child, signal.SIGKILL)
    assert_no_signal_is_ignored_or_blocked(said)


@pytest.mark.parametrize("name", ["plain", "two words", "new\nline", "-n", "by\udcfftes", "$HOME"])
def test_working_directory_is_as_asked(tsm: Tsm, name: str) -> None:
    (tsm.cwd / name).mkdir()
    child = born(tsm, options=("--cwd", f"{tsm.cwd}/{name}"))
    asked = bytes(tsm.cwd / name)
    assert child.context["cwd"].encode("latin-1") == asked
    assert child.environ[b"PWD"] == asked


def test_working_directory_keeps_the_name_that_was_given_for_it(tsm: Tsm) -> None:
    (tsm.cwd / "real").mkdir()
    (tsm.cwd / "link").symlink_to("real")
    child = born(tsm, options=("--cwd", "link"))
    assert child.context["cwd"] == str(tsm.cwd / "real")
    assert child.environ[b"PWD"] == bytes(tsm.cwd / "link")


def test_umask_is_the_callers_and_the_log_files_are_private(tsm: Tsm) -> None:
    said = tsm.cwd / "context.json"
    shown = tsm.shell(f"umask 013; tsm start --name web -- {app('context.py', said)}")
    assert shown.status == 0
    assert eventually(lambda: json.loads(said.read_bytes()))["umask"] == 0o013
    files = Files(tsm.home, "web")
    for name in ("current.out", "current.err", "env", "spec.json", "meta.json", "run"):
        assert (files.folder / name).stat().st_mode & 0o777 == 0o600
