"""tsm set: what has changed, whether it needs a restart, and what is refused."""

from __future__ import annotations

import os
import pwd
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files, environment
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm


def test_settings_are_changed_put_back_and_told(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web", "--delay", "2s").row["pid"]
    files = Files(tsm.home, "web")
    before = files.spec
    probe = ("health=command:true", "health-restart=yes")
    row = tsm("set", "max-memory=200M", "web", "delay=", *probe).row
    assert row == {
        "name": "web",
        "changed": {
            "delay": [2.0, 1.0],
            "health": [None, "command:true"],
            "health-restart": [False, True],
            "max-memory": [None, 200 << 20],
        },
        "restart_needed": False,
    }
    assert files.spec["limits"] == {"max_memory_bytes": 200 << 20}
    assert files.spec["health"] == {"check": "command:true", "restart": True}
    assert files.spec["restart"] == {**before["restart"], "delay_s": 1.0}
    tsm("set", "web", "max-memory=", "health=", "health-restart=no", "delay=2")
    assert files.spec == before
    assert [event["changed"] for event in files.events if event["event"] == "set"] == [
        row["changed"],
        {
            "delay": [1.0, 2.0],
            "health": ["command:true", None],
            "health-restart": [True, False],
            "max-memory": [200 << 20, None],
        },
    ]
    assert tsm("set", "web", "delay=2000ms").row["changed"] == {}  # is so already
    assert files.event_names() == ["start", "set", "set"]
    assert files.child == pid


def test_what_counts_for_the_next_run_alone_is_said_and_comes_with_it(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--env", "OLD=1")
    files = Files(tsm.home, "web")
    folder = tsm.cwd / "elsewhere"
    folder.mkdir()
    words = ("umask=0077", "env.LEVEL=a b", "env.API_TOKEN=x", "env.OLD=", f"cwd={folder}")
    shown = tsm.on_terminal("set", "web", *words).out
    assert "umask: 0022 -> 0077" in shown
    assert "env.LEVEL: not set -> a b" in shown
    assert "env.API_TOKEN: not set -> ****" in shown
    assert "tsm restart web" in shown
    assert "x" not in files.events[-1]["changed"]["env.API_TOKEN"]
    assert files.spec["env"] == {"LEVEL": "a b", "API_TOKEN": "x"}
    pid = tsm("restart", "web").row["pid"]
    environ = environment(Path(f"/proc/{pid}/environ").read_bytes())
    assert (environ[b"LEVEL"], environ.get(b"OLD")) == (b"a b", None)
    assert environ[b"PWD"] == os.fsencode(folder)
    assert Path(f"/proc/{pid}/cwd").readlink() == folder
    tsm("stop", "web")
    assert tsm("set", "web", "umask=0027").row["restart_needed"] is False


def test_a_restart_policy_counts_at_once(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    files = Files(tsm.home, "web")
    tsm("set", "all", "restart=on-failure", "success-codes=143")
    os.kill(files.child, 15)
    eventually(lambda: tsm("ls").row["status"] == "completed")


def test_what_is_shown_can_be_set_again(tsm: Tsm) -> None:
    typed = [
        *("delay=30s", "success-codes=0,3", "ready=log:up (yes)", "max-memory=200M", "max-cpu=80"),
        *("rlimit=nofile=1024:4096", "rlimit=core=0", "watch=/srv", "ignore=*.log", "ignore=a b"),
        *("source-maps=yes", "env.LEVEL=a'b"),
    ]
    for name in ("one", "two"):
        tsm("start", "true", "--name", name, "--restart", "on-failure")
    usual = tsm("set", "one").out
    assert "restart" in usual
    tsm("set", "one", *typed)
    lines = tsm("set", "one", "--table").out.splitlines()
    words = [shlex.split(line.removeprefix("one: "))[0] for line in lines]
    assert set(words) == {*typed, "restart=on-failure"}
    tsm("set", "two", *words)
    assert tsm("set", "two", "--table").out.replace("two: ", "one: ").splitlines() == lines
    assert len(tsm("set", "--all", "one").rows) > 40
    tsm("set", "two", *{f"{word.partition('=')[0]}=" for word in words})
    assert tsm("set", "two").out == ""


def test_nonsense_is_told_in_one_line_and_changes_nothing_for_anybody(tsm: Tsm) -> None:
    for name in ("db", "web"):
        tsm("start", "true", "--name", name, "--restart", "no")
    files = [Files(tsm.home, name) for name in ("db", "web")]
    before = [(one.spec, one.env) for one in files]
    for words, status, said in (
        (("mx-memory=1",), 2, "tsm set: 'mx-memory': no such setting: did you mean max-memory?"),
        (("=1",), 2, "see tsm set --help"),
        (("nice=99",), 2, "nice 99: not within -20 to 19"),
        (("delay=soon",), 2, "delay 'soon': not a time"),
        (("delay=1", "delay=2"), 2, "delay is given 2 times"),
        (("stop-signal=NOPE",), 2, "'NOPE': no such signal"),
        (("rlimit=files=1",), 2, "'files': not one of as, core"),
        (("port=3000",), 2, "port: cannot be changed: with another it is another process"),
        (("name=api",), 2, "name: cannot be changed: with another it is another process"),
        (("interpreter=sh",), 2, "interpreter: cannot be changed: tsm stop the process, and def"),
        (("ignore=*.log",), 2, "db: ignore: has no effect without watch"),
        (("restart=always", "delay=5", "max-delay=1"), 2, "delay: 5 s is more than max-delay, 1 s"),
        (("delay=2",), 2, "db: delay: has no effect with restart no"),
        (("env.PWD=/",), 2, "tsm itself sets PWD"),
        (("cwd=/nowhere",), 7, "cannot use the working directory /nowhere"),
        (("nice=1", "--all"), 2, "--all"),
        (("nobody", "nice=1"), 3, "nobody: no such process"),
    ):
        result = tsm("set", "all", *words, ok=False)
        assert result.status == status, result
        assert said in result.err
        assert len(result.err.splitlines()) == 1
    assert "give a name" in tsm("set", "nice=1", ok=False).err
    assert [(one.spec, one.env) for one in files] == before
    assert [event for one in files for event in one.event_names() if event == "set"] == []


def test_a_default_that_is_put_back_is_judged_with_what_stays(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    tsm("set", "web", "delay=2m", "max-delay=3m")
    before = Files(tsm.home, "web").spec
    result = tsm("set", "web", "max-delay=", ok=False)
    assert result.status == 2
    assert "web: delay: 120 s is more than max-delay, 60 s" in result.err
    assert Files(tsm.home, "web").spec == before
    tsm("set", "web", "nice=1")  # which has nothing to do with it
    tsm("set", "web", "max-delay=", "delay=")
    assert [row["key"] for row in tsm("set", "web").rows] == ["nice"]


def test_what_gives_a_setting_its_effect_may_come_before_it_or_with_it_and_go_first(
    tsm: Tsm,
) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--watch", "src")
    tsm("set", "web", "ignore=*.log")
    tsm("set", "web", "watch=")
    assert tsm("set", "web", "ignore=*.tmp", ok=False).status == 2
    tsm("set", "web", "nice=5", "watch=src", "ignore=*.tmp")
    tsm("set", "web", "ignore=", "health-retries=3")  # as by default
    assert Files(tsm.home, "web").spec["watch"] == {"paths": [str(tsm.cwd / "src")]}


def test_what_needs_a_patrol_that_stays_is_told_where_none_does(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    assert tsm("set", "web", "max-memory=1G").err == ""
    told = tsm("set", "web", "max-cpu=80").err
    assert told.startswith("web: nobody watches its processor time: config.toml leaves all")
    assert tsm("set", "web", "max-cpu=80").err == ""  # is so already
    assert tsm("start", "sleep 1000", "--name", "api", "--max-cpu", "80").err == told.replace(
        "web", "api"
    )
    beating = tsm("set", "web", "max-cpu=", "health=heartbeat", "watch=src").err
    assert beating.startswith("web: nobody watches its files, its heartbeat: config.toml")
    (tsm.home / "config.toml").unlink()
    assert tsm("set", "web", "max-cpu=90").err == ""


def test_the_journal_shows_people_what_set_has_said(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    words = ("max-memory=200M", "delay=1500ms", "success-codes=0,2", "rlimit=core=0", "max-cpu=50")
    watched = ("watch=a", "watch=b", "env.LEVEL=a b", "health-restart=no")
    said = tsm("set", "web", "--table", *words, *watched).out.removeprefix("web: ")
    said = said.partition(" (takes effect")[0].strip()
    assert "max-memory: not set -> 200M, " in said
    for command in (("history", "web"), ("events",)):
        assert tsm(*command, "--table").out.splitlines()[-1].endswith(f"changed={said}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_brings_his_home_and_name_but_for_what_was_given(tsm: Tsm) -> None:
    dotenv = tsm.cwd / "dotenv"
    dotenv.write_text("SHELL=/bin/own\n")
    options = ["--user", "nobody", "--cwd", "/", "--env", "USER=me", "--env-file", str(dotenv)]
    tsm("start", "sleep 1000", "--name", "web", *options)
    files = Files(tsm.home, "web")
    tsm("stop", "web")
    daemon, root = pwd.getpwnam("daemon"), pwd.getpwuid(0)
    keys = (b"HOME", b"LOGNAME", b"USER", b"SHELL")
    for word, entry in (("daemon", daemon), ("", root)):
        changed = tsm("set", "web", f"user={word}").row["changed"]
        assert set(changed) == {"user", "env.HOME", "env.LOGNAME"}
        told = [entry.pw_dir, entry.pw_name, "me", "/bin/own"]
        assert [files.env[key].decode() for key in keys] == told


def test_a_job_that_is_none_any_more_is_not_run_for_that(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "tick", "--schedule", "0 0 1 1 *")
    told = tsm.on_terminal("set", "tick", "schedule=").out
    assert "(stays down: tsm start tick)" in told
    assert tsm("patrol").out == ""
    assert tsm("ls").row["status"] == "stopped"
    assert tsm("history", "tick").rows[-1]["event"] == "set"
    assert tsm("start", "tick").row["action"] == "start"
