"""Limits: what a run may use and as whom, set before the child's first instruction."""

from __future__ import annotations

import os
import pwd
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files
from tests.e2e.kernel import long_sleep, running, status_field
from tests.e2e.test_child_context import ODD_ENVIRONMENT, born
from tests.waiting import eventually
from tsm.errors import Refused
from tsm.osproc import cgroups
from tsm.osproc.privileges import niceness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import Tsm

NOBODY = pwd.getpwnam("nobody")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_child_runs_within_its_limits(tsm: Tsm) -> None:
    limits = ["--nice", str(niceness() + 3), "--oom-score-adj", "500", "--umask", "0027"]
    limits += ["--rlimit", "nofile=64:80", "--rlimit", "core=0"]
    tsm("start", "sleep 1000", "--name", "web", *limits)
    child = Files(tsm.home, "web").child
    rlimits = Path(f"/proc/{child}/limits").read_text()
    assert os.getpriority(os.PRIO_PROCESS, child) == niceness() + 3
    assert Path(f"/proc/{child}/oom_score_adj").read_text() == "500\n"
    assert status_field(child, "Umask") == "0027"
    assert [line.split()[3:5] for line in rlimits.splitlines() if "open files" in line] == [
        ["64", "80"]
    ]
    launcher = Files(tsm.home, "web").launcher
    assert os.getpriority(os.PRIO_PROCESS, launcher) == niceness()


@as_root
def test_a_command_probe_asks_as_the_user_of_the_child(tsm: Tsm) -> None:
    probe = "command:echo $(id -u) $(id -g) $(id -G); exit 3"
    with open_folder() as folder:
        options = ("--user", "nobody", "--cwd", folder, "--health", probe, "--health-retries", "1")
        tsm("start", "sleep 1000", "--name", "web", *options)
        tsm("patrol")
        who = f"{NOBODY.pw_uid} {NOBODY.pw_gid} {NOBODY.pw_gid}"
        assert tsm("ls").row["reason"] == f"health probe: exited with 3: {who}"
        tsm("delete", "web")


@as_root
def test_a_child_runs_as_the_user_and_knows_it(tsm: Tsm) -> None:
    command = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME; exec sleep 1000"
    with open_folder() as folder:
        tsm("start", command, "--name", "web", "--user", "nobody", "--cwd", folder)
        files = Files(tsm.home, "web")
        out = files.folder / "current.out"
        said = eventually(lambda: lines if len(lines := out.read_text().splitlines()) > 3 else [])
        tsm("delete", "web")
    groups = os.getgrouplist("nobody", NOBODY.pw_gid)
    assert said == [
        str(NOBODY.pw_uid),
        str(NOBODY.pw_gid),
        " ".join(map(str, groups)),
        f"{NOBODY.pw_dir} nobody nobody",
    ]


@as_root
def test_a_user_that_may_not_enter_the_working_directory_is_refused(tsm: Tsm) -> None:
    tsm.cwd.chmod(0o700)
    refused = tsm("start", "sleep 1000", "--name", "web", "--user", "nobody", ok=False)
    assert refused.status == 7
    assert f"nobody may not enter the working directory {tsm.cwd}" in refused.err
    assert not (tsm.home / "runtime/processes/web").exists()


@as_root
def test_a_user_that_may_not_read_the_script_is_refused(tsm: Tsm) -> None:
    with open_folder() as folder:
        (folder / "web.sh").write_text("exec sleep 1000\n")
        (folder / "web.sh").chmod(0o600)
        refused = tsm("start", "web.sh", "--user", "nobody", "--cwd", folder, ok=False)
    assert refused.status == 7
    assert "nobody may not read the script web.sh" in refused.err
    assert not (tsm.home / "runtime/processes/web").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--user", "no-such-user"], "user 'no-such-user': there is no such user"),
        (["--group", "no-such-group"], "group 'no-such-group': there is no such group"),
        (["--user", "4000123"], "name a --group as well"),
        (["--rlimit", "nofile=80:64"], "rlimit nofile=80:64: the soft limit is above the hard one"),
        (["--rlimit", "as=1000000"], "cannot execute"),  # the next link cannot be loaded
        (["--cgroup", "nosuch.limit=1"], "cgroup nosuch.limit=1: no cgroup v2 with nosuch"),
        (["--rlimit", "pages=1"], "rlimit 'pages': not one of as, core"),
    ],
)
def test_what_cannot_be_had_is_told_and_leaves_nothing(
    tsm: Tsm, options: list[str], said: str
) -> None:
    refused = tsm("start", "sleep 1000", "--name", "web", *options, ok=False)
    assert said in refused.err
    assert refused.status == (2 if "pages" in said else 7)
    assert not (tsm.home / "runtime/processes/web").exists()


@as_root
@pytest.mark.parametrize(
    ("capability", "option", "said"),
    [
        ("sys_resource", "--rlimit nofile=5000", "rlimit nofile=5000: more than 4000 needs"),
        ("sys_resource", "--oom-score-adj -1000", "oom-score-adj -1000: needs"),
        ("sys_nice", "--nice -20", f"nice -20: less than {niceness()} needs"),
    ],
)
def test_what_root_may_not_give_either_is_told_by_what_it_lacks(
    tsm: Tsm, capability: str, option: str, said: str
) -> None:
    less = f"setpriv --inh-caps=-{capability} --bounding-set=-{capability}"
    shown = tsm.shell(f"ulimit -n 4000; exec {less} tsm start 'sleep 1000' --name web {option}")
    name = f"CAP_{capability.upper()}"
    why = f"web: {said} the capability {name}, which root has not here"
    assert (shown.status, shown.out.strip()) == (7, f"tsm start: {why}")


def has_cgroups() -> bool:
    try:
        return bool(cgroups.places({"cgroup.max.depth": "3"}))
    except Refused:
        return False


@pytest.mark.skipif(not has_cgroups(), reason="no cgroup v2 that may be written to")
class TestCgroup:
    LIMIT = ("--cgroup", "cgroup.max.depth=3")

    def test_holds_the_run_and_goes_with_it(self, tsm: Tsm) -> None:
        argv = long_sleep()
        hidden = f"setsid -f env -i {' '.join(argv)}; exec sleep 1000"  # of the group alone
        tsm("start", hidden, "--name", "web", *self.LIMIT)
        files = Files(tsm.home, "web")
        group = Path(files.run["cgroup"])
        assert group.name == f"tsm-web-{files.run['id']}"
        assert (group / "cgroup.max.depth").read_text() == "3\n"
        eventually(lambda: running(*argv))
        assert str(files.child) in (group / "cgroup.procs").read_text().split()
        tsm("stop", "web")
        assert not running(*argv)
        assert not group.exists()

    def test_changes_no_byte_of_the_environment(self, tsm: Tsm) -> None:
        environ = born(tsm, options=self.LIMIT).environ
        assert {key: environ.get(key) for key in ODD_ENVIRONMENT} == ODD_ENVIRONMENT

    def test_takes_no_value_that_makes_no_sense(self, tsm: Tsm) -> None:
        refused = tsm("start", "true", "--cgroup", "cgroup.max.depth=deep", ok=False)
        assert refused.status == 7
        assert "cgroup cgroup.max.depth=deep: Invalid argument" in refused.err
