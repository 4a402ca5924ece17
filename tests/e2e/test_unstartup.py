"""tsm unstartup: what startup has installed for this home is gone, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes import Machine, User, ordinary_user

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.running import Tsm

OTHERS = b"# mine\n0 5 * * * backup --all\n"


@pytest.fixture
def machine(tsm: Tsm, tmp_path: Path) -> Machine:
    """Where the test puts its programs."""
    return Machine(tmp_path / "bin", tsm.env["PATH"])


@pytest.fixture
def user(tsm: Tsm) -> Iterator[User]:
    """Somebody whose units can be installed without harm."""
    with ordinary_user(tsm) as one:
        yield one


def test_the_lines_of_this_home_are_removed_and_no_others(tsm: Tsm, machine: Machine) -> None:
    machine.with_cron(OTHERS)
    tsm("startup", "cron", "--install", env={"PATH": machine.path})
    machine.tab.write_bytes(machine.tab.read_bytes() + b"@daily later\n")
    result = tsm("unstartup", env={"PATH": machine.path})
    assert (result.status, result.out) == (0, "")
    assert machine.tab.read_bytes() == OTHERS + b"@daily later\n"


def test_a_second_time_nothing_is_installed(tsm: Tsm, machine: Machine) -> None:
    machine.with_cron(OTHERS)
    tsm("startup", "cron", "--install", env={"PATH": machine.path})
    said = [tsm("unstartup", env={"PATH": machine.path}).err for _ in range(2)]
    assert said == ["removed crontab lines\n", "nothing was installed\n"]
    assert machine.tab.read_bytes() == OTHERS


def test_nothing_installed_and_no_cron_is_0(tsm: Tsm, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = tsm("unstartup", env={"PATH": f"{tmp_path}/empty"})
    assert result.err == "nothing was installed\n"


def test_what_runs_runs_on(tsm: Tsm, machine: Machine) -> None:
    machine.with_cron()
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    tsm("startup", "cron", "--install", env={"PATH": machine.path})
    tsm("unstartup", env={"PATH": machine.path})
    assert tsm("pid", "web").out == f"{pid}\n"


def test_a_block_without_its_end_costs_no_other_line(tsm: Tsm, machine: Machine) -> None:
    machine.with_cron(OTHERS)
    tsm("startup", "cron", "--install", env={"PATH": machine.path})
    torn = machine.tab.read_bytes().replace(b"# end tsm", b"# gone") + b"@daily later\n"
    machine.tab.write_bytes(torn)
    for command in (("unstartup",), ("startup", "cron", "--install")):
        result = tsm(*command, ok=None, env={"PATH": machine.path})
        assert (result.status, len(result.err.splitlines())) in {(0, 1), (7, 1)}
        table = machine.tab.read_bytes()
        assert table.startswith(OTHERS)
        assert b"@daily later\n" in table


def test_a_crontab_that_cannot_be_read_is_left_alone(tsm: Tsm, machine: Machine) -> None:
    machine.with_cron(OTHERS)
    (machine.folder / "fails").write_text("Input/output error\n")
    assert tsm("unstartup", "cron", ok=False, env={"PATH": machine.path}).status == 7
    assert machine.tab.read_bytes() == OTHERS


def test_the_units_of_this_home_are_stopped_and_removed(user: User) -> None:
    user("home", "startup", "systemd", "--install")
    assert set(user.installed) == {"tsm.service", "tsm-patrol.service", "tsm-patrol.timer"}
    before = len(user.machine.calls)
    result = user("home", "unstartup")
    assert (result.status, result.out, user.installed) == (0, "", {})
    assert "tsm-patrol.timer" in result.err
    calls = user.machine.calls[before:]
    assert calls[-1] == "systemctl --user daemon-reload"
    (disable,) = (call for call in calls if " disable " in call)
    # Without --now the timer would go on until the next boot.
    assert "--now" in disable
    assert "tsm-patrol.timer" in disable
    assert user("home", "unstartup").err == "nothing was installed\n"


@pytest.mark.parametrize(
    ("installed", "asked"),
    [("home2", "home"), ("home", "home2"), ("home", "hom"), ("a home", "home")],
)
def test_the_units_of_another_home_are_left_alone(user: User, installed: str, asked: str) -> None:
    user(installed, "startup", "systemd", "--install")
    before = user.machine.calls
    assert user(asked, "unstartup").err == "nothing was installed\n"
    assert len(user.installed) == 3
    assert user.machine.calls == before


@pytest.mark.parametrize("home", ["a home", 'it\'s 100% "a$HOME" \\ b'])
def test_units_of_an_odd_home_are_removed_as_well(user: User, home: str) -> None:
    user(home, "startup", "systemd", "--install")
    assert len(user.installed) == 3
    user(home, "unstartup", "systemd")
    assert user.installed == {}


def test_cron_alone_leaves_the_units(user: User) -> None:
    user("home", "startup", "systemd", "--install")
    assert user("home", "unstartup", "cron").err == "nothing was installed\n"
    assert len(user.installed) == 3
