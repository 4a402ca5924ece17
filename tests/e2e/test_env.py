"""tsm env: the saved environment, without secrets unless asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.machine import processes

if TYPE_CHECKING:
    from tests.running import Tsm

MASK = "********"
SECRETS = (
    "AWS_SECRET_ACCESS_KEY",
    "CI_CREDENTIALS",
    "DATABASE_URL",
    "DB_PASSWORD",
    "GITHUB_TOKEN",
    "HTTP_AUTH",
    "MYSQL_PWD",
    "PGPASSWORD",
    "SENTRY_DSN",
    "SSH_PRIVATE",
    "STRIPE_KEY",
    "lower_passwd",
    "openai_api_key",
    "someApiKey",
)
PLAIN = ("HOME", "KEYBOARD", "LANG", "PATH", "PWD", "SSH_AUTH_SOCK", "TSM_NAME", "USER_ID")


def shown(tsm: Tsm, *argv: str) -> dict[str, str]:
    """The values by key."""
    return {row["key"]: row["value"] for row in tsm("env", *argv).rows}


def test_it_is_what_the_child_has_but_for_the_mark_of_its_run(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web", env={"LEVEL": "debug"}).row["pid"]
    raw = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")[:-1]
    child = dict(os.fsdecode(entry).split("=", 1) for entry in raw)
    del child["TSM_RUN"]
    assert child["LEVEL"] == "debug"
    assert shown(tsm, "web", "--reveal") == child


@pytest.mark.parametrize("form", [(), ("--json",), ("--table",)])
def test_what_looks_like_a_secret_is_masked(tsm: Tsm, form: tuple[str, ...]) -> None:
    tsm("start", "sleep 1000", "--name", "web", env=dict.fromkeys(SECRETS, "s3cr3t"))
    assert "s3cr3t" not in tsm("env", "web", *form).out
    assert {key for key, value in shown(tsm, "web").items() if value == MASK} == set(SECRETS)


def test_what_does_not_is_shown(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", env=dict.fromkeys(PLAIN[1:2], "plain"))
    assert MASK not in [value for key, value in shown(tsm, "web").items() if key in PLAIN]


def test_secrets_are_shown_when_asked_for(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", env=dict.fromkeys(SECRETS, "s3cr3t"))
    revealed = shown(tsm, "web", "--reveal")
    assert {key for key, value in revealed.items() if value == "s3cr3t"} == set(SECRETS)


def test_a_row_has_the_process_the_key_and_the_value_sorted_by_key(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--env", "ZOO=1", "--env", "ANT=2")
    rows = tsm("env", "1").rows
    assert {"name": "web", "key": "ANT", "value": "2"} in rows
    assert [row["key"] for row in rows] == sorted(row["key"] for row in rows)


def test_bytes_that_are_not_utf8_come_through(tsm: Tsm) -> None:
    odd = os.fsdecode(b"a\xff\xfe\x80z")
    tsm("start", "sleep 1000", "--name", "web", env={"ODD": odd})
    assert shown(tsm, "web")["ODD"] == odd


def test_control_characters_are_escaped_for_people(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--env", "EVIL=\x1b]0;gotcha\x07\n!")
    assert "EVIL=\\x1b]0;gotcha\\x07\\n!\n" in tsm("env", "web", "--table").out
    assert shown(tsm, "web")["EVIL"] == "\x1b]0;gotcha\x07\n!"


def test_it_is_what_the_next_run_gets(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", env={"LEVEL": "debug"})
    assert shown(tsm, "web")["LEVEL"] == "debug"
    tsm("restart", "--update-env", "web", env={"LEVEL": "error"})
    assert shown(tsm, "web")["LEVEL"] == "error"


def test_on_a_terminal_it_is_assignments(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--env", "LEVEL=debug")
    lines = tsm.on_terminal("env", "web").out.splitlines()
    assert "LEVEL=debug" in lines
    assert "TSM_NAME=web" in lines


@pytest.mark.parametrize("damage", [None, b"NO_SIGN\0"])
def test_a_broken_file_is_6_and_its_repair_works(tsm: Tsm, damage: bytes | None) -> None:
    tsm("start", "sleep 1000", "--name", "web", "--env", "LEVEL=debug")
    path = processes(tsm) / "web" / "env"
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    result = tsm("env", "web", ok=False)
    assert (result.status, result.out) == (6, "")
    assert str(path) in result.err
    repair = result.err.rstrip().rpartition("give it anew with tsm ")[2]
    tsm(*repair.split())
    assert shown(tsm, "web")["LEVEL"] == "debug"


def test_an_unknown_name_is_3(tsm: Tsm) -> None:
    result = tsm("env", "nobody", ok=False)
    assert (result.status, result.out) == (3, "")
