"""`tsm start`: what runs afterwards is what was asked for; what cannot run leaves nothing."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files, below, environment
from tests.e2e.kernel import children, long_sleep, running, send, status_field, unrunnable
from tests.following import holds_pidfd
from tests.machine import alive, kill
from tests.ports import free_port, listening
from tests.proc import argv_of
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Result, Tsm
    from tests.waiting import Gate

META_KEYS = {
    *("tsm_id", "name", "pid", "command", "cwd", "interpreter", "port", "status"),
    *("start_time", "restarts", "unstable_restarts", "env_file", "ticks", "boot"),
    *("health", "due"),
}


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def environ_of(pid: int) -> dict[bytes, bytes]:
    return environment(Path(f"/proc/{pid}/environ").read_bytes())


def assert_refused(result: Result, status: int, *parts: str) -> None:
    """One line on standard error that begins with `tsm`, and nothing on standard output."""
    assert result.status == status, result
    assert result.out == ""
    assert result.err.startswith("tsm"), result
    assert result.err.count("\n") == 1, result
    assert all(part in result.err for part in parts), result


def assert_no_trace(tsm: Tsm) -> None:
    """No process directory, finished or not, no lock of one, no pid, no history."""
    left = [path for path in below(tsm.home) if not (tsm.home / path).is_dir()]
    assert set(left) <= {"runtime/locks/.home.lock", "runtime/last_id"}, left
    assert below(tsm.home / "runtime" / "processes") == []


class TestAnswer:
    def test_is_one_json_row_with_the_pid_of_the_child(self, tsm: Tsm) -> None:
        argv = long_sleep()
        row = tsm("start", "--name", "web", "--", *argv).row
        assert running(*argv) == [row.pop("pid")]
        assert row == {"tsm_id": 1, "name": "web", "action": "start", "status": "online"}

    def test_is_a_sentence_on_a_terminal(self, tsm: Tsm) -> None:
        argv = long_sleep()
        shown = tsm.on_terminal("start", "--name", "web", "--", *argv)
        (pid,) = running(*argv)
        assert shown.out == f"web: started (id 1, pid {pid})\n"
        assert shown.status == 0

    def test_comes_once_the_child_runs_its_own_program(self, tsm: Tsm) -> None:
        argv = long_sleep()
        for number in range(5):
            row = tsm("start", "--name", f"web{number}", "--", *argv).row
            assert argv_of(row["pid"]) == list(argv)


class TestCommand:
    def test_words_after_two_dashes_are_executed_to_the_letter(self, tsm: Tsm, gate: Gate) -> None:
        odd = ["%s", "$HOME", "a  b", '"', "'", "", "*", "\\", "--", "new\nline", ";", "~"]
        row = tsm("start", "--name", "web", "--", "sh", "-c", f"read x <{gate.path}", *odd).row
        assert argv_of(row["pid"]) == ["sh", "-c", f"read x <{gate.path}", *odd]

    def test_quotes_are_taken_as_a_shell_takes_them(self, tsm: Tsm, gate: Gate) -> None:
        text = f"""sh -c 'read x <{gate.path}' "two words" it\\'s"""
        row = tsm("start", text, "--name", "web").row
        assert argv_of(row["pid"])[3:] == ["two words", "it's"]

    @pytest.mark.parametrize(
        ("name", "interpreter", "text"),
        [
            ("idle.py", "python3", "import signal; signal.pause()\n"),
            ("idle.js", "node", "setInterval(() => {}, 1e6);\n"),
            ("idle.sh", "sh", "read x <gate\n"),
        ],
    )
    def test_script_alone_picks_its_interpreter(
        self, tsm: Tsm, gate: Gate, name: str, interpreter: str, text: str
    ) -> None:
        assert gate.path.parent == tsm.cwd
        script(tsm.cwd / name, text, 0o644)
        row = tsm("start", name).row
        assert row["name"] == "idle"
        assert argv_of(row["pid"])[-2:] == [interpreter, name][-len(argv_of(row["pid"])) :]
        assert Files(tsm.home, "idle").meta["interpreter"] == interpreter

    def test_executable_with_a_shebang_keeps_its_own(self, tsm: Tsm, gate: Gate) -> None:
        script(tsm.cwd / "odd.py", f"#!/bin/sh\nread x <{gate.path}\n")
        row = tsm("start", "./odd.py", "--name", "web").row
        assert argv_of(row["pid"]) == ["/bin/sh", "./odd.py"]

    def test_interpreter_given_goes_in_front(self, tsm: Tsm, gate: Gate) -> None:
        script(tsm.cwd / "odd.txt", f"read x <{gate.path}\n", 0o644)
        row = tsm("start", "odd.txt", "--interpreter", "sh -u").row
        assert argv_of(row["pid"]) == ["sh", "-u", "odd.txt"]

    def test_shell_operators_leave_no_idle_shell(self, tsm: Tsm) -> None:
        argv = long_sleep()
        text = f"cd / && X=1; export X; {' '.join(argv)} >{tsm.cwd}/own.log 2>&1"
        pid = tsm("start", text, "--name", "web").row["pid"]
        assert eventually(lambda: argv_of(pid) == list(argv))
        assert children(Files(tsm.home, "web").launcher) == [pid]
        assert Path(f"/proc/{pid}/fd/1").readlink() == tsm.cwd / "own.log"
        assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
        assert environ_of(pid)[b"X"] == b"1"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("""echo "$(echo "a;b")" """, "a;b\n"),
            ("echo ${NOT_SET:-a;b}", "a;b\n"),
            ("greet() { echo hello; }; greet", "hello\n"),
            ("true && echo 'a\\tb'", "a\tb\n"),
            ("echo a \\\n  b", "a b\n"),
            ("A=1 sh -c 'echo $A'", "1\n"),
            ("echo a | tr a b; echo c", "b\nc\n"),
        ],
    )
    def test_means_what_it_means_to_a_shell(self, tsm: Tsm, text: str, said: str) -> None:
        tsm("start", text, "--name", "web", "--restart", "no")
        files = Files(tsm.home, "web")
        eventually(lambda: "exit" in files.run)
        assert (files.folder / "current.err").read_text() == ""
        assert (files.folder / "current.out").read_text() == said


class TestPort:
    def test_is_given_as_port_and_in_the_name(self, tsm: Tsm) -> None:
        port = free_port()
        row = tsm("start", app("server.py"), "--name", "web", "--port", str(port)).row
        assert row["name"] == f"web-{port}"
        assert eventually(lambda: listening(port))
        assert Files(tsm.home, row["name"]).meta["port"] == port

    def test_name_that_ends_in_the_port_gets_it_once(self, tsm: Tsm) -> None:
        port = free_port()
        argv = ("start", "--name", f"web-{port}", "--port", str(port), "--", *long_sleep())
        assert tsm(*argv).row["name"] == f"web-{port}"

    def test_taken_by_a_stranger_is_refused_by_name_and_pid(self, tsm: Tsm) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            result = tsm("start", "sleep 1", "--name", "web", "--port", str(port), ok=False)
        assert_refused(result, 7, f"web-{port}", f"port {port}", "python", f"(pid {os.getpid()})")
        assert_no_trace(tsm)

    def test_taken_by_another_process_is_refused_by_name_and_pid(self, tsm: Tsm) -> None:
        port = free_port()
        pid = tsm("start", app("server.py"), "--name", "one", "--port", str(port)).row["pid"]
        assert eventually(lambda: listening(port))
        result = tsm("start", app("server.py"), "--name", "two", "--port", str(port), ok=False)
        assert_refused(result, 7, f"port {port}", f"(pid {pid})")
        assert [row["name"] for row in tsm("ls").rows] == [f"one-{port}"]
        assert not Files(tsm.home, f"two-{port}").lock.exists()

    def test_taken_while_the_process_was_down_leaves_it_stopped(self, tsm: Tsm) -> None:
        port = free_port()
        name = tsm("start", app("server.py"), "--name", "web", "--port", str(port)).row["name"]
        tsm("stop", name)
        files = Files(tsm.home, name)
        spec = files.spec
        with socket.create_server(("127.0.0.1", port)):
            assert_refused(tsm("start", name, ok=False), 7, f"(pid {os.getpid()})")
            again = ("start", "sleep 9", "--name", "web", "--port", str(port))
            assert_refused(tsm(*again, ok=False), 7, f"(pid {os.getpid()})")
        assert tsm("ls").row["status"] == "stopped"
        assert files.spec == spec
        assert tsm("patrol").out == ""


WATCHED = ("sleep 9", "--watch", "src")
READY = ("--ready", "tcp:3000", "--wait-ready", "1h")
JOB = ("sleep 9", "--schedule", "* * * * *")
REFUSED = [
    pytest.param(["no-such-program"], 7, "no-such-program", id="missing-program"),
    pytest.param(["./nothing-here"], 7, "nothing-here", id="missing-file"),
    pytest.param(["./not-executable"], 7, "chmod +x", id="not-executable"),
    pytest.param(["/tmp"], 7, "directory", id="directory"),  # noqa: S108 - is one everywhere
    pytest.param(["sleep 9", "--cwd", "/no/such"], 7, "/no/such", id="missing-cwd"),
    pytest.param(["sleep 9", "--cwd", "file"], 7, "file", id="cwd-is-a-file"),
    pytest.param(["sleep 9", "--env-file", "none.env"], 7, "none.env", id="missing-env-file"),
    pytest.param(["sleep 9", "--env-file", "/"], 7, "env file", id="unreadable-env-file"),
    pytest.param(["sleep 9", "--env-file", "/dev/zero"], 7, "not a regular", id="endless-env-file"),
    pytest.param(["sleep 9", "--env-file", "fifo.env"], 7, "not a regular", id="fifo-as-env-file"),
    pytest.param(["sleep 9", "--env-file", "large.env"], 7, "1 MiB", id="large-env-file"),
    pytest.param(["sleep 9", "--env-file", ""], 2, "--env-file: is empty", id="empty-env-file"),
    pytest.param(["sleep 9", "--cwd", ""], 2, "--cwd: is empty", id="empty-cwd"),
    pytest.param(["sleep 9", "--interpreter", ""], 2, "--interpreter: is", id="empty-interpreter"),
    pytest.param(["sleep 9", "--watch", ""], 2, "--watch is empty", id="empty-watch"),
    pytest.param(["sleep 9", "--watch", " "], 2, "--watch is empty", id="blank-watch"),
    pytest.param([*WATCHED, "--ignore", ""], 2, "--ignore is empty", id="empty-ignore"),
    pytest.param(["sleep 9", "--env-file", "bad.env"], 2, "line 2", id="bad-line-in-env-file"),
    pytest.param(["sleep 9", "--env", "LEVEL"], 2, "LEVEL", id="env-without-value"),
    pytest.param(["sleep 9", "--env", "=x"], 2, "=x", id="env-without-name"),
    pytest.param(["sleep 9", "--name", "all"], 2, "all", id="name-all"),
    pytest.param(["sleep 9", "--name", "../up"], 2, "../up", id="name-with-slash"),
    pytest.param(["sleep 9", "--name", ".hidden"], 2, ".hidden", id="name-with-dot"),
    pytest.param(["sleep 9", "--name", "-x"], 2, "--name", id="name-with-dash"),
    pytest.param(["sleep 9", "--name", "two\nlines"], 2, "two", id="name-with-newline"),
    pytest.param(["sleep 9", "--name", "é"], 2, "not a name", id="name-not-ascii"),
    pytest.param(["sleep 9", "--name", "x" * 65], 2, "64", id="long-name"),
    pytest.param(["sleep 9", "--name", "x" * 60, "--port", "12345"], 2, "64", id="long-with-port"),
    pytest.param(["sleep 9", "--name", ""], 2, "not a name", id="empty-name"),
    pytest.param(["sleep 9", "--port", "0"], 2, "65535", id="port-0"),
    pytest.param(["sleep 9", "--port", "65536"], 2, "65535", id="port-65536"),
    pytest.param(["sleep 9", "--port", "http"], 2, "'http': not a number", id="port-no-number"),
    pytest.param(["sleep 9", "--port", "\uff11\uff12"], 2, "not a number", id="port-of-odd-digits"),
    pytest.param(["sleep 9", "--restart", "often"], 2, "often", id="unknown-policy"),
    pytest.param(["sleep 9", "--max-retries", "-1"], 2, "retries", id="negative-retries"),
    pytest.param(["sleep 9", "--delay", "-1"], 2, "delay", id="negative-delay"),
    pytest.param(["sleep 9", "--delay", "2d"], 2, "86400", id="delay-over-a-day"),
    pytest.param(["sleep 9", "--success-codes", "0,256"], 2, "256", id="code-256"),
    pytest.param(["sleep 9", "--stop-signal", "STOPP"], 2, "STOPP", id="unknown-signal"),
    pytest.param(["sleep 9", "--ignore", "*.o"], 2, "--ignore: has no effect", id="no-effect"),
    pytest.param(
        ["sleep 9", "--restart", "no", "--delay", "1s"], 2, "--delay: has no", id="no-effect-usual"
    ),
    pytest.param(["sleep 9", "--wait-ready", "1h"], 2, "without --ready", id="no-readiness"),
    pytest.param([*JOB, "--wait", "1s"], 2, "--wait: has no effect with --schedule", id="job-wait"),
    pytest.param([*JOB, *READY], 2, "--wait-ready: has no effect with", id="job-ready"),
    pytest.param(["sleep 9", "--cgroup", "memory"], 2, "memory.max=200M", id="cgroup-no-value"),
    pytest.param(["sleep 9", "--no-such-option"], 2, "--no-such-option", id="unknown-option"),
    pytest.param(["sleep 9", "--nam", "x"], 2, "--nam", id="abbreviated-option"),
    pytest.param(["sleep 'nine"], 2, "quotation", id="open-quote"),
    pytest.param(["  "], 2, "empty", id="empty-command"),
    pytest.param(["--", ""], 2, "empty", id="empty-program"),
    pytest.param(["/srv/./nope"], 7, "no /srv/nope", id="missing-file-oddly-written"),
    pytest.param(["sleep 9", "--delay", "5m"], 2, "more than --max-delay, 60 s", id="delays"),
    pytest.param([], 2, "nothing to start", id="no-words"),
    pytest.param(["--name", "web"], 2, "", id="name-alone"),
    pytest.param(["--"], 2, "", id="dashes-alone"),
    pytest.param(["sleep", "9"], 3, "sleep", id="several-words"),
    pytest.param(["script.rb"], 7, "ruby", id="interpreter-missing"),
    pytest.param(["sleep 9", "--interpreter", "no-such"], 7, "no-such", id="unknown-interpreter"),
]


class TestRefusal:
    @pytest.mark.parametrize(("argv", "status", "part"), REFUSED)
    def test_is_one_line_and_leaves_nothing(
        self, tsm: Tsm, argv: list[str], status: int, part: str
    ) -> None:
        (tsm.cwd / "file").touch()
        (tsm.cwd / "not-executable").touch(0o644)
        (tsm.cwd / "script.rb").touch(0o644)
        os.mkfifo(tsm.cwd / "fifo.env")
        (tsm.cwd / "large.env").write_bytes(b"#" * ((1 << 20) + 1))
        (tsm.cwd / "bad.env").write_text("A=1\nno assignment\n")
        path = f"{tsm.cwd}/bin"
        (tsm.cwd / "bin").mkdir()
        (tsm.cwd / "bin" / "sleep").symlink_to("/bin/sleep")
        assert_refused(tsm("start", *argv, ok=False, env={"PATH": path}), status, part)
        assert_no_trace(tsm)

    @pytest.mark.parametrize("limit", [8, 11])
    def test_for_want_of_open_files_changes_nothing(self, tsm: Tsm, limit: int) -> None:
        tsm("start", "--name", "old", "--", *long_sleep())
        tsm("stop", "old")
        for words in ("old", "--name new 'sleep 86399'"):
            shown = tsm.shell(f"ulimit -n {limit}; exec tsm start {words}")
            assert shown.status == 7
            assert "raise the limit that `ulimit -n` shows" in shown.out
        assert [(row["name"], row["status"]) for row in tsm("ls").rows] == [("old", "stopped")]
        assert tsm("patrol").out == ""

    def test_of_a_program_that_exec_cannot_run_leaves_nothing(self, tsm: Tsm) -> None:
        unrunnable(tsm.cwd / "odd")
        result = tsm("start", "./odd", "--name", "web", ok=False)
        assert_refused(result, 7, "web", "./odd", "No such file")
        left = [path for path in below(tsm.home) if "web" in path and "crashes" not in path]
        assert left == ["db/history/web.jsonl"]  # it did begin, and end
        assert tsm("ls").out == ""

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("#!/no/such/interpreter -u", "names '/no/such/interpreter', which is not there"),
            ("#! \t./gone.sh", "names './gone.sh', which is not there"),
            ("#!/bin/sh\r", "names '/bin/sh\\r', which is not there"),
            ("#!/etc/passwd", "names '/etc/passwd', which may not be executed"),
        ],
    )
    def test_of_a_script_whose_own_interpreter_cannot_be_had_names_that(
        self, tsm: Tsm, line: str, said: str
    ) -> None:
        script(tsm.cwd / "odd", f"{line}\nexit 0\n")
        assert_refused(
            tsm("start", "./odd", ok=False), 7, f"cannot execute ./odd: its first line {said}"
        )
        assert_no_trace(tsm)

    def test_is_not_met_by_a_program_that_is_sound_further_on_path(self, tsm: Tsm) -> None:
        for folder, line in (("first", "#!/no/such/interpreter"), ("second", "#!/bin/sh")):
            (tsm.cwd / folder).mkdir()
            script(tsm.cwd / folder / "odd", f"{line}\nexec sleep 86399\n")
        path = f"{tsm.cwd}/first:{tsm.cwd}/second:{tsm.env['PATH']}"
        assert tsm("start", "odd", env={"PATH": path}).row["status"] == "online"

    @pytest.mark.parametrize(
        "line", ["#!", "#! ", "#!/bin/sh", "#!\t/bin/sh -u", "#! /usr/bin/env sh"]
    )
    def test_is_not_met_by_any_other_first_line(self, tsm: Tsm, line: str) -> None:
        script(tsm.cwd / "odd", f"{line}\nexec sleep 86399\n")
        assert tsm("start", "./odd").row["status"] == "online"

    def test_of_a_known_process_that_exec_cannot_run_leaves_it_stopped(self, tsm: Tsm) -> None:
        odd = script(tsm.cwd / "odd", "#!/bin/sh\nexec sleep 86399\n")
        tsm("start", "./odd", "--name", "web")
        tsm("stop", "web")
        unrunnable(odd)
        assert_refused(tsm("start", "web", ok=False), 7, "web", "./odd", "No such file")
        assert tsm("ls").row["status"] == "stopped"
        assert tsm("patrol").out == ""

    def test_once_says_nothing_of_a_later_short_run(self, tsm: Tsm) -> None:
        """The complaint of an earlier exec is still the last line of current.err."""
        odd = script(tsm.cwd / "odd", "#!/bin/sh\nexec sleep 86399\n")
        tsm("start", "./odd", "--name", "web", "--restart", "no")
        tsm("stop", "web")
        unrunnable(odd)
        tsm("start", "web", ok=False)
        script(odd, "#!/bin/sh\n")
        files = Files(tsm.home, "web")
        last = files.run["id"]
        out = files.folder / "current.out"
        out.unlink()
        os.mkfifo(out)  # the child waits here before its exec
        program = tsm.spawn("start", "web")
        child = eventually(lambda: files.child if files.run["id"] != last else 0)
        send(program.pid, signal.SIGSTOP)  # so that it sees the child only after its end
        out.read_bytes()
        eventually(lambda: not alive(child))
        send(program.pid, signal.SIGCONT)
        _, err = program.communicate()
        assert (program.returncode, err) == (0, "")

    def test_of_one_whose_child_runs_on_without_its_directory_names_that(self, tsm: Tsm) -> None:
        pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
        shutil.rmtree(tsm.home / "runtime/processes/web")
        refused = tsm("start", "sleep 1000", "--name", "web", ok=False)
        assert refused.status == 7
        assert f"pid {pid}, runs on: tsm attach {pid} --name web, or kill {pid}" in refused.err
        assert not (tsm.home / "runtime/locks/web.lock").exists()
        kill(pid)
        assert tsm("start", "sleep 1000", "--name", "web").row["status"] == "online"

    def test_of_options_for_a_known_process_says_how_to_define_it_anew(self, tsm: Tsm) -> None:
        tsm("start", "--name", "web", "--", *long_sleep())
        assert_refused(tsm("start", "web", "--env", "A=1", ok=False), 2, "web", "--name")

    def test_of_one_of_several_starts_the_others(self, tsm: Tsm) -> None:
        script(tsm.cwd / "odd", "#!/bin/sh\nexec sleep 86399\n")
        tsm("start", "./odd", "--name", "odd")
        tsm("start", "--name", "web", "--", *long_sleep())
        tsm("stop", "all")
        (tsm.cwd / "odd").unlink()
        result = tsm("start", "all", ok=False)
        assert result.status == 7
        assert "odd" in result.err
        assert {row["name"]: row["status"] for row in tsm("ls").rows} == {
            "odd": "stopped",
            "web": "online",
        }


class TestWait:
    def test_fails_with_the_exit_code_and_the_last_line_of_stderr(self, tsm: Tsm) -> None:
        text = "sh -c 'echo first >&2; echo boo >&2; exit 3'"
        result = tsm("start", text, "--name", "web", "--restart", "no", "--wait", "1h", ok=False)
        assert_refused(result, 1, "web", "exited with 3", "boo")
        assert "first" not in result.err
        assert tsm("ls").row["name"] == "web"

    def test_fails_with_the_exit_code_also_when_the_launcher_is_slow(
        self, tsm: Tsm, gate: Gate
    ) -> None:
        argv = ("start", gate.command, "--name", "web", "--restart", "no", "--wait", "1h")
        program = tsm.spawn(*argv)
        files = Files(tsm.home, "web")
        child = eventually(lambda: files.child if argv_of(files.child)[:1] == ["sh"] else 0)
        eventually(lambda: files.meta["status"] == "online")
        launcher = files.launcher
        send(launcher, signal.SIGSTOP)
        gate.open(3)
        eventually(lambda: not alive(child))
        send(launcher, signal.SIGCONT)
        _, err = program.communicate()
        assert program.returncode == 1
        assert "exited with 3" in err

    def test_returns_once_the_child_has_been_up_so_long(self, tsm: Tsm) -> None:
        tsm("start", "--name", "web", "--wait", "200ms", "--", *long_sleep())
        assert tsm("ls").row["uptime_s"] >= 0.2

    @pytest.mark.parametrize("wait", ["30d", "9" * 30])
    def test_may_be_longer_than_the_kernel_can_count(self, tsm: Tsm, gate: Gate, wait: str) -> None:
        argv = ("start", gate.command, "--name", "web", "--restart", "no", "--wait", wait)
        program = tsm.spawn(*argv)
        eventually(lambda: program.poll() is not None or holds_pidfd(program.pid))
        gate.open(3)
        _, err = program.communicate()
        assert (program.returncode, err.count("\n")) == (1, 1), err


class TestAgain:
    def test_start_of_an_online_process_changes_nothing_and_says_so(self, tsm: Tsm) -> None:
        argv = ("start", "--name", "web", "--", *long_sleep())
        first = tsm(*argv).row
        files = Files(tsm.home, "web")
        before = (files.content(), files.history.read_bytes())
        assert tsm(*argv, env={"NEW": "1"}).row == {**first, "action": None}
        assert tsm("start", "web").row == {**first, "action": None}
        assert tsm.on_terminal("start", "web").out == (
            f"web: already online (id 1, pid {first['pid']})\n"
        )
        assert (files.content(), files.history.read_bytes()) == before
        assert alive(first["pid"])

    def test_start_of_an_online_process_otherwise_defined_is_refused(self, tsm: Tsm) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--", *argv)
        files = Files(tsm.home, "web")
        before = files.content()
        result = tsm("start", "--name", "web", "--env", "A=1", "--", *argv, ok=False)
        assert_refused(result, 1, "web", "env")
        assert files.content() == before

    def test_start_by_name_keeps_definition_and_environment(self, tsm: Tsm) -> None:
        argv = long_sleep()
        umask_and_start = f"umask 027; A=old exec tsm start --name web -- {' '.join(argv)}"
        assert tsm.shell(umask_and_start).status == 0
        files = Files(tsm.home, "web")
        spec, env = files.spec, files.env
        tsm("stop", "web")
        row = tsm("start", "web", env={"A": "new"}, cwd=Path("/")).row
        assert (row["tsm_id"], row["action"]) == (1, "start")
        assert (files.spec, files.env) == (spec, env)
        assert environ_of(row["pid"])[b"A"] == b"old"
        assert argv_of(row["pid"]) == list(argv)
        assert Path(f"/proc/{row['pid']}/cwd").readlink() == tsm.cwd
        assert status_field(row["pid"], "Umask") == "0027"

    def test_new_definition_of_a_stopped_process_replaces_the_old(self, tsm: Tsm) -> None:
        tsm("start", "--name", "web", "--", *long_sleep(), env={"A": "old"})
        tsm("stop", "web")
        argv = long_sleep()
        row = tsm("start", "--name", "web", "--delay", "7", "--", *argv, env={"A": "new"}).row
        assert (row["tsm_id"], row["action"]) == (1, "start")
        assert argv_of(row["pid"]) == list(argv)
        files = Files(tsm.home, "web")
        assert files.spec["restart"]["delay_s"] == 7
        assert files.env[b"A"] == b"new"
        assert files.meta["command"] == " ".join(argv)

    def test_new_definition_of_one_at_rest_replaces_the_old(self, tsm: Tsm) -> None:
        for code in ("0", "3"):  # completed, stopped
            tsm("start", f"sh -c 'exit {code}'", "--name", "web", "--restart", "no")
            tsm("wait", "web", ok=None)
        tsm("start", "false", "--name", "web", "--min-uptime", "60", "--max-retries", "0")
        eventually(lambda: tsm("ls").row["status"] == "errored")
        argv = long_sleep()
        assert argv_of(tsm("start", "--name", "web", "--", *argv).row["pid"]) == list(argv)

    def test_new_definition_of_one_that_waits_is_refused(self, tsm: Tsm, gate: Gate) -> None:
        options = ("--name", "web", "--delay", "1000", "--max-delay", "1000")
        tsm("start", gate.command, *options)
        gate.open(1)
        eventually(lambda: tsm("ls").row["status"] == "waiting")
        spec = Files(tsm.home, "web").spec
        refused = tsm("start", "--name", "web", "--", *long_sleep(), ok=False)
        assert_refused(refused, 1, "web is waiting with another definition", "tsm stop web")
        assert Files(tsm.home, "web").spec == spec
        assert tsm("start", gate.command, *options).row["status"] == "online"
        gate.open()

    def test_several_are_started_by_name_id_glob_and_all(self, tsm: Tsm) -> None:
        for name in ("a1", "a2", "b", "c"):
            tsm("start", "--name", name, "--", *long_sleep())
        tsm("stop", "all")
        assert [row["name"] for row in tsm("start", "a*", "3").rows] == ["a1", "a2", "b"]
        actions = {row["name"]: row["action"] for row in tsm("start", "all").rows}
        assert actions == {"a1": None, "a2": None, "b": None, "c": "start"}

    def test_ids_are_given_in_order_and_never_again(self, tsm: Tsm) -> None:
        start = ("start", "--name")
        tail = ("--", *long_sleep())
        assert [tsm(*start, name, *tail).row["tsm_id"] for name in ("a", "b")] == [1, 2]
        tsm("delete", "b")
        assert tsm(*start, "b", *tail).row["tsm_id"] == 3


class TestEnvironment:
    def test_comes_from_caller_then_env_file_then_options(self, tsm: Tsm) -> None:
        (tsm.cwd / "web.env").write_text("B=file\nC=file\nexport D='a b'\n# no\n")
        argv = ("--env-file", "web.env", "--env", "C=option", "--env", "E=x=y", "--env", "F=")
        caller = {"A": "caller", "B": "caller", "C": "caller"}
        row = tsm("start", "--name", "web", *argv, "--", *long_sleep(), env=caller).row
        env = environ_of(row["pid"])
        assert [env[name] for name in (b"A", b"B", b"C", b"D", b"E", b"F")] == [
            *(b"caller", b"file", b"option", b"a b", b"x=y", b""),
        ]
        assert Files(tsm.home, "web").meta["env_file"] == str(tsm.cwd / "web.env")

    def test_clean_env_passes_on_the_basic_names_only(self, tsm: Tsm) -> None:
        argv = ("--clean-env", "--env", "A=1", "--port", str(free_port()))
        caller = {"SECRET": "x", "USER": "me", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        row = tsm("start", "--name", "web", *argv, "--", *long_sleep(), env=caller).row
        basic = {b"HOME", b"LANG", b"PATH", b"TZ", b"USER"}
        ours = {b"A", b"PORT", b"PWD", b"TSM_NAME", b"TSM_RUN"}
        assert set(environ_of(row["pid"])) == basic | ours

    def test_names_the_process_and_its_directory_not_the_callers(self, tsm: Tsm) -> None:
        caller = {"TSM_NAME": "else", "TSM_RUN": "else", "OLDPWD": "/", "PWD": "/else", "_": "x"}
        row = tsm("start", "--name", "web", "--", *long_sleep(), env=caller).row
        env = environ_of(row["pid"])
        assert env[b"TSM_NAME"] == b"web"
        assert env[b"PWD"] == os.fsencode(tsm.cwd)
        assert env[b"TSM_RUN"].decode() == Files(tsm.home, "web").run["id"]
        assert not {b"OLDPWD", b"_"} & set(env)


class TestPlace:
    def test_cwd_is_relative_to_the_callers(self, tsm: Tsm) -> None:
        (tsm.cwd / "a dir" / "b").mkdir(parents=True)
        argv = ("start", "--name", "web", "--cwd", "../a dir", "--", *long_sleep())
        row = tsm(*argv, cwd=tsm.cwd / "a dir").row
        assert Path(f"/proc/{row['pid']}/cwd").readlink() == tsm.cwd / "a dir"
        assert environ_of(row["pid"])[b"PWD"] == os.fsencode(tsm.cwd / "a dir")

    @pytest.mark.parametrize("umask", ["0002", "0022", "0077", "0000"])
    def test_umask_of_the_caller_arrives(self, tsm: Tsm, umask: str) -> None:
        argv = " ".join(long_sleep())
        shown = tsm.shell(f"umask {umask}; tsm start --json --name web -- {argv}")
        assert status_field(shown.row["pid"], "Umask") == umask

    def test_known_process_starts_from_a_directory_that_is_gone(self, tsm: Tsm) -> None:
        tsm("start", "--name", "web", "--", *long_sleep())
        tsm("stop", "web")
        shown = tsm.shell("mkdir gone; cd gone; rmdir ../gone; tsm start --json web")
        assert shown.row["status"] == "online"

    def test_home_is_made_for_its_owner_alone(self, tsm: Tsm) -> None:
        home = tsm.cwd / "not there" / 'it\'s "mine" $HOME'
        tsm("start", "--name", "web", "--", *long_sleep(), env={"TSM_HOME": str(home)})
        try:
            modes = {stat.S_IMODE(path.lstat().st_mode) for path in (home, *home.rglob("*"))}
            assert modes == {0o700, 0o600, 0o777}  # 0777: symbolic links
            files = Files(home, "web")
            os.kill(files.child, signal.SIGKILL)
            files.await_event("restart")  # the launcher knows the home as well
        finally:
            tsm("delete", "all", env={"TSM_HOME": str(home)})

    def test_documented_files_are_there(self, tsm: Tsm) -> None:
        port = free_port()
        row = tsm("start", "sleep 86399", "--name", "web", "--port", str(port)).row
        files = Files(tsm.home, row["name"])
        meta = files.meta
        assert set(meta) == META_KEYS
        assert (meta["pid"], meta["port"], meta["status"]) == (row["pid"], port, "online")
        assert meta["command"] == "sleep 86399"
        assert files.pid_file.read_text() == f"{row['pid']}\n"
        assert (files.folder / f"{row['name']}.pid").readlink() == Path(
            f"../../pids/{row['name']}.pid"
        )
        assert set(files.content()) == {
            *("meta.json", "spec.json", "env", "run", f"{row['name']}.pid"),
            *("current.out", "current.err"),
        }

    def test_output_is_appended_to_what_was_written_before(self, tsm: Tsm) -> None:
        tsm("start", app("script.sh", "one"), "--name", "web")
        files = Files(tsm.home, "web")
        out, err = files.folder / "current.out", files.folder / "current.err"
        eventually(lambda: err.read_text() == "oops\n")
        tsm("stop", "web")
        tsm("start", "web")
        eventually(lambda: err.read_text() == "oops\noops\n")
        assert out.read_text() == "hello one\nhello one\n"
