"""tsm startup: units and crontab lines that work in their worlds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import boot
from tests.fakes import Machine, User, ordinary_user
from tests.machine import kill_with_launcher, reboot
from tests.running import PROGRAM, Tsm

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {"tsm.service", "tsm-patrol.service", "tsm-patrol.timer"}
SERVICES = sorted(name for name in NAMES if name.endswith(".service"))
ODD = ("a space", "100%", "a$HOME", 'it\'s "quoted"', "a;b&c#d caf\u00e9")
WORST = 'it\'s 100% "a$HOME"; b & c #d caf\u00e9'
ROOT = os.geteuid() == 0
CRON_LINE = 998  # what Debian's cron takes; others take more
AT_ONCE = ("--min-uptime", "0", "--delay", "0")


@pytest.fixture
def machine(tsm: Tsm, tmp_path: Path) -> Machine:
    """Where the test puts its programs."""
    return Machine(tmp_path / "bin", tsm.env["PATH"])


@pytest.fixture
def user(tsm: Tsm) -> Iterator[User]:
    """Somebody whose units can be installed without harm."""
    with ordinary_user(tsm) as one:
        yield one


def odd(tsm: Tsm, name: str) -> Path:
    """A folder of that name, in which there is a tsm."""
    folder = tsm.cwd / "odd" / name
    folder.mkdir(parents=True)
    (folder / "tsm").symlink_to(PROGRAM)
    return folder


def killed(tsm: Tsm, folder: Path) -> Tsm:
    """A home in that folder with a process, whose program is on the PATH of its user alone."""
    elsewhere = tsm.at(folder / "home")
    elsewhere.home.mkdir(mode=0o700)
    shutil.copy(tsm.home / "config.toml", elsewhere.home)
    (folder / "napper").symlink_to("/bin/sleep")
    path = f"{folder}:{tsm.env['PATH']}"
    elsewhere("start", "napper 1000", "--name", "web", *AT_ONCE, env={"PATH": path})
    elsewhere("save")
    return elsewhere


def kill_all(tsm: Tsm) -> None:
    """End `web` so that nobody sees its end."""
    kill_with_launcher(tsm, "web")


def _mark(tsm: Tsm) -> dict[str, str]:
    return {key: value for key, value in tsm.env.items() if key == "TSM_TEST_MARK"}


def cron_lines(text: str) -> dict[str, str]:
    """The commands by their schedules."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return dict(boot.cron_command(line) for line in lines)


def in_cron(tsm: Tsm, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as cron does: with hardly any environment, in the home directory."""
    environment = {"HOME": str(tsm.cwd), "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["/bin/sh", "-c", command],
        env=environment | _mark(tsm),
        cwd=tsm.cwd,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )


def test_units_are_printed_each_under_its_path(tsm: Tsm) -> None:
    printed = tsm("startup", "systemd", env={"XDG_CONFIG_HOME": "/config"}).out
    folder = "/etc/systemd/system" if ROOT else "/config/systemd/user"
    heads = [line for line in printed.splitlines() if line.startswith("# ")]
    assert heads == [f"# {folder}/{name}" for name in boot.units(printed)]
    assert set(boot.units(printed)) == NAMES


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
@pytest.mark.parametrize("name", ODD)
def test_systemd_finds_nothing_wrong_with_the_units(tsm: Tsm, tmp_path: Path, name: str) -> None:
    folder = odd(tsm, name)
    printed = subprocess.run(
        [folder / "tsm", "startup", "systemd"],
        env=tsm.env | {"TSM_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = []
    for unit, content in boot.units(printed).items():
        paths.append(tmp_path / unit)
        paths[-1].write_text(content)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    # Of the machine's own units it may complain as well.
    ours = [line for line in verified.stderr.splitlines() if "tsm" in line]
    assert (ours, verified.returncode) == ([], 0)


@pytest.mark.parametrize("name", ["plain", WORST])
def test_a_unit_runs_this_tsm_for_this_home(tsm: Tsm, name: str) -> None:
    home = tsm.cwd / name / "home"
    found = boot.units(tsm("startup", "systemd", env={"TSM_HOME": str(home)}).out)
    for unit, argument in (("tsm.service", "resurrect"), ("tsm-patrol.service", "patrol")):
        environment, argv = boot.command(found[unit])
        assert environment["TSM_HOME"] == str(home)
        assert argv[-2:] == [str(PROGRAM), argument]


@pytest.mark.parametrize("name", ["plain", WORST])
def test_the_units_bring_back_what_was_killed(tsm: Tsm, name: str) -> None:
    folder = odd(tsm, name)
    elsewhere = killed(tsm, folder)
    try:
        found = boot.units(elsewhere("startup", "systemd").out)
        for unit, before in (("tsm-patrol.service", kill_all), ("tsm.service", reboot)):
            before(elsewhere)
            environment, argv = boot.command(found[unit])
            subprocess.run(argv, env=environment | _mark(tsm), cwd="/", check=True)
            assert elsewhere("ls").row["status"] == "online"
    finally:
        elsewhere("delete", "all")


@pytest.mark.parametrize("name", SERVICES)
def test_the_end_of_a_service_leaves_its_children_alone(tsm: Tsm, name: str) -> None:
    unit = boot.units(tsm("startup", "systemd").out)[name]
    assert boot.setting(unit, "KillMode") == ["process"]
    assert boot.setting(unit, "OOMPolicy") == ["continue"]
    assert boot.setting(unit, "TasksMax") == ["infinity"]
    assert boot.setting(unit, "Type") == ["oneshot"]


def test_the_timer_runs_the_patrol_each_minute(tsm: Tsm) -> None:
    unit = boot.units(tsm("startup", "systemd").out)["tsm-patrol.timer"]
    assert boot.setting(unit, "OnUnitInactiveSec") == ["1min"]
    assert boot.setting(unit, "WantedBy") == ["timers.target"]


def test_units_of_a_user_are_for_that_user(user: User) -> None:
    printed = user("home", "startup", "systemd").out
    assert f"# {user.units}/tsm.service\n" in printed
    assert boot.setting(boot.units(printed)["tsm.service"], "WantedBy") == ["default.target"]
    assert not user.units.exists()
    assert not (user.folder / "home").exists()


def test_units_are_installed_enabled_and_started(user: User) -> None:
    printed = boot.units(user("home", "startup", "systemd").out)
    calls = [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now tsm.service tsm-patrol.timer",
        "loginctl enable-linger",
    ]
    for count in (1, 2):
        result = user("home", "startup", "systemd", "--install")
        assert (result.status, result.out) == (0, "")
        assert {name: f"{text}\n" for name, text in user.installed.items()} == printed
        assert user.machine.calls == calls * count


def test_without_systemd_installing_units_is_7(user: User) -> None:
    script = "#!/bin/sh\necho 'System has not been booted with systemd.' >&2\nexit 1\n"
    user.machine.program("systemctl", script)
    result = user("home", "startup", "systemd", "--install")
    assert (result.status, result.out) == (7, "")
    assert "System has not been booted with systemd." in result.err
    assert len(result.err.splitlines()) == 1


def test_crontab_lines_are_printed_between_marks(tsm: Tsm) -> None:
    lines = tsm("startup", "cron").out.splitlines()
    assert (lines[0], lines[-1]) == (f"# begin tsm {tsm.home}", f"# end tsm {tsm.home}")
    assert {line.split()[0] for line in lines[1:-1]} == {"@reboot", "*"}


def test_the_default_is_what_has_booted_the_machine(tsm: Tsm) -> None:
    kind = "systemd" if Path("/run/systemd/system").is_dir() else "cron"
    assert tsm("startup").out == tsm("startup", kind).out


@pytest.mark.parametrize("name", ["plain", WORST])
def test_the_lines_of_cron_bring_back_what_was_killed(tsm: Tsm, name: str) -> None:
    """Whatever is in the paths: cron makes a newline of each bare `%`."""
    elsewhere = killed(tsm, odd(tsm, name))
    try:
        lines = cron_lines(elsewhere("startup", "cron").out)
        for schedule, before in (("* * * * *", kill_all), ("@reboot", reboot)):
            before(elsewhere)
            assert in_cron(tsm, lines[schedule]).stdout == ""
            assert elsewhere("ls").row["status"] == "online"
    finally:
        elsewhere("delete", "all")


def test_at_boot_there_may_be_nothing_saved(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    reboot(tsm)
    in_cron(tsm, cron_lines(tsm("startup", "cron").out)["@reboot"])
    assert tsm("ls").row["status"] == "online"


def test_a_patrol_in_cron_is_silent_where_all_is_right(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    done = in_cron(tsm, cron_lines(tsm("startup", "cron").out)["* * * * *"])
    assert (done.stdout, done.stderr) == ("", "")


def test_python_m_tsm_starts_up_as_well(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web", *AT_ONCE)
    printed = subprocess.run(
        [sys.executable, "-m", "tsm", "startup", "cron"],
        env=tsm.env,
        cwd=tsm.cwd,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    kill_with_launcher(tsm, "web")
    in_cron(tsm, cron_lines(printed)["* * * * *"])
    assert tsm("ls").row["status"] == "online"


def test_crontab_lines_are_installed_once_beside_all_others(tsm: Tsm, machine: Machine) -> None:
    before = b"# m h dom mon dow\nMAILTO=me\n0 5 * * * backup --all\n\n"
    machine.with_cron(before)
    for _ in range(2):
        result = tsm("startup", "cron", "--install", env={"PATH": machine.path})
        assert (result.status, result.out) == (0, "")
    block = tsm("startup", "cron", env={"PATH": machine.path}).out
    assert machine.tab.read_bytes() == before + block.encode()


def test_a_first_crontab_is_made(tsm: Tsm, machine: Machine) -> None:
    machine.with_cron()
    tsm("startup", "cron", "--install", env={"PATH": machine.path})
    assert machine.tab.read_text() == tsm("startup", "cron", env={"PATH": machine.path}).out


def test_what_was_installed_before_is_replaced(tsm: Tsm, machine: Machine) -> None:
    machine.with_cron(b"1 * * * * first\n")
    tsm("startup", "cron", "--install", env={"PATH": machine.path})
    older = machine.tab.read_bytes().replace(str(PROGRAM).encode(), b"/old/bin/tsm")
    machine.tab.write_bytes(older + b"2 * * * * second\n")
    tsm("startup", "cron", "--install", env={"PATH": machine.path})
    table = machine.tab.read_text()
    assert "/old" not in table
    assert table.count(str(PROGRAM)) == 2
    assert "1 * * * * first\n" in table
    assert "2 * * * * second\n" in table


def test_each_home_has_lines_of_its_own(tsm: Tsm, machine: Machine) -> None:
    machine.with_cron()
    homes = [str(tsm.cwd / name) for name in ("home", "home2")]
    for home in homes:
        tsm("startup", "cron", "--install", env={"PATH": machine.path, "TSM_HOME": home})
    table = machine.tab.read_text()
    assert re.findall(r"(?m)^# begin tsm (.*)$", table) == homes
    tsm("unstartup", "cron", env={"PATH": machine.path, "TSM_HOME": homes[0]})
    assert re.findall(r"(?m)^# begin tsm (.*)$", machine.tab.read_text()) == homes[1:]


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(b"0 5 * * * echo caf\xe9\n", id="latin-1"),
        pytest.param(b"0 5 * * * a\x0cb\x1cc\xc2\x85d\xe2\x80\xa8e\n", id="odd separators"),
        pytest.param(b"0 5 * * * echo hello\r\n", id="carriage return"),
        pytest.param(b"0 5 * * * backup", id="no last newline"),
    ],
)
def test_other_lines_are_kept_to_the_byte(tsm: Tsm, machine: Machine, before: bytes) -> None:
    machine.with_cron(before)
    tsm("startup", "cron", "--install", env={"PATH": machine.path})
    kept = before if before.endswith(b"\n") else before + b"\n"
    assert machine.tab.read_bytes().startswith(kept + b"# begin tsm ")
    tsm("unstartup", "cron", env={"PATH": machine.path})
    assert machine.tab.read_bytes() == kept


def test_a_crontab_that_cannot_be_read_is_not_overwritten(tsm: Tsm, machine: Machine) -> None:
    before = b"0 5 * * * backup\n"
    machine.with_cron(before)
    (machine.folder / "fails").write_text("crontab: cannot open tabs/me: Input/output error\n")
    result = tsm("startup", "cron", "--install", ok=False, env={"PATH": machine.path})
    assert result.status == 7
    assert "Input/output error" in result.err
    assert len(result.err.splitlines()) == 1
    assert machine.tab.read_bytes() == before


def test_who_may_not_use_crontab_is_told_so_with_7(tsm: Tsm, machine: Machine) -> None:
    script = "#!/bin/sh\necho 'You (me) are not allowed to use this program' >&2\nexit 1\n"
    machine.program("crontab", script)
    result = tsm("startup", "cron", "--install", ok=False, env={"PATH": machine.path})
    assert result.status == 7
    assert "You (me) are not allowed to use this program" in result.err


def test_without_cron_installing_is_7(tsm: Tsm, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    env = {"PATH": f"{tmp_path}/empty"}
    result = tsm("startup", "cron", "--install", ok=False, env=env)
    assert (result.status, result.out) == (7, "")
    assert result.err == "tsm startup: crontab: not found: install cron\n"


def test_a_long_path_makes_no_line_too_long_for_cron(tsm: Tsm, machine: Machine) -> None:
    machine.with_cron()
    long = ":".join(f"/opt/some/package/of/this/machine/version-{n}/bin" for n in range(50))
    tsm("startup", "cron", "--install", env={"PATH": f"{machine.path}:{long}"})
    lengths = [len(line) for line in machine.tab.read_text().splitlines()]
    assert max(lengths) <= CRON_LINE


@pytest.mark.parametrize("kind", ["systemd", "cron"])
def test_printing_writes_nothing(tsm: Tsm, kind: str) -> None:
    home = tsm.cwd / "nowhere"
    tsm("startup", kind, env={"TSM_HOME": str(home)})
    assert not home.exists()


def test_an_unknown_kind_is_2(tsm: Tsm) -> None:
    result = tsm("startup", "upstart", ok=False)
    assert (result.status, len(result.err.splitlines())) == (2, 1)
