"""The chain of programs that become a child, who it becomes, and where its cgroup lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tsm.errors import Refused
from tsm.osproc import accounts, cgroups
from tsm.osproc.chain import chain, complaint, joining, under_way
from tsm.osproc.privileges import niceness
from tsm.spec import Limits, Spec

if TYPE_CHECKING:
    from pathlib import Path

ALL = Limits(
    nice=niceness() + 2,
    oom_score_adj=100,
    rlimits={"nofile": "64:80", "core": "0"},
    user="4000123",
    group="4000124",
    cgroup={"memory.max": "200M"},
)
APP = ("app", "--nice")


def spec(limits: Limits) -> Spec:
    return Spec("web", APP, "app --nice", "/", limits=limits)


class TestChain:
    def test_without_limits_is_a_session_of_its_own(self) -> None:
        assert chain(spec(Limits()))[-3:] == ["--", *APP]
        assert len(chain(spec(Limits()))) == 4

    def test_gives_privileges_up_once_all_else_is_set(self) -> None:
        words = [word.rpartition("/")[2] for word in chain(spec(ALL))]
        assert words == [
            *("choom", "-n", "100", "--"),
            *("prlimit", "--core=0", "--nofile=64:80", "--"),
            *("nice", "-n", "2", "--"),
            *("setpriv", "--reuid=4000123", "--regid=4000124", "--clear-groups", "--"),
            *("setsid", "--", *APP),
        ]

    def test_each_of_its_stages_is_told_from_the_program(self) -> None:
        limited = spec(ALL)
        words = [*joining("/sys/fs/cgroup/tsm-web-1", 0), *chain(limited)]
        links = [place for place, word in enumerate(words) if word.startswith("/")]
        stages = [words[place:] for place in links if words[place].count("/") < 4]
        assert len(stages) == 6
        assert all(under_way(stage, limited) for stage in stages)
        assert not under_way(APP, limited)
        assert not under_way(["/usr/bin/nice", *APP[1:]], limited)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("setsid: failed to execute app: Exec format error", "cannot execute app: Exec for"),
            ("setsid: failed to execute app: Error 24", "execute app: Too many open files"),
            ("/usr/bin/nice: cannot set niceness: Permission denied", "cannot set nice "),
            ("prlimit: failed to set the NOFILE resource limit: Bad", "set rlimit nofile=64:80 co"),
            ("choom: failed to set score adjust value: Bad", "set oom-score-adj 100: Bad"),
            ("setpriv: setresuid failed: Bad", "as user 4000123 group 4000124: setresuid"),
            ("cgroup: 1: cannot create /x: Permission denied", "join its cgroup: Permission"),
        ],
    )
    def test_a_failing_link_is_told_by_its_setting(self, line: str, said: str) -> None:
        assert said in str(complaint(line, spec(ALL), executed=False))

    def test_what_the_program_says_itself_is_no_complaint(self) -> None:
        for line in ("", "nice", "app: bad", "nice: too bad", "./nice: too: bad", "/srv/nice: a"):
            assert complaint(line, spec(Limits()), executed=False) is None
        assert complaint("setsid: failed: Bad", spec(ALL), executed=True) is None


class TestAccount:
    def test_nobody_is_asked_for(self) -> None:
        assert accounts.account(Limits()) is None
        assert accounts.variables(Limits(group="0")) == {}

    def test_a_user_brings_groups_and_variables(self) -> None:
        who = accounts.account(Limits(user="root"))
        assert who is not None
        assert (who.uid, who.gid, 0 in who.groups) == (0, 0, True)
        assert accounts.account(Limits(user="0")) == who
        told = accounts.variables(Limits(user="root"))
        assert (told[b"USER"], told[b"LOGNAME"], told[b"HOME"]) == (b"root", b"root", b"/root")


class Tree:
    """What looks like cgroup v2, with the controllers that each folder is given."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "cgroup"
        self.proc = folder / "proc"
        self.proc.mkdir()
        (self.proc / "mountinfo").write_text(f"31 23 0:28 / {self.top} rw - cgroup2 cgroup2 rw\n")
        (self.proc / "cgroup").write_text("4:memory:/x\n0::/user/session\n")
        for path, names in (("", "cpu memory"), ("user", "memory"), ("user/session", "")):
            (self.top / path).mkdir()
            (self.top / path / "cgroup.controllers").write_text(f"{names}\n")
            (self.top / path / "cgroup.subtree_control").touch()
            (self.top / path / "cgroup.procs").touch()


class TestCgroups:
    def test_the_nearest_that_has_the_controllers_is_the_first_place(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)
        for file, expected in (
            ("cgroup.max.depth", ["/user/session", "/user", ""]),
            ("memory.max", ["/user", ""]),
            ("cpu.max", [""]),
        ):
            found = cgroups.places({file: "1"}, str(tree.proc))
            assert found == [f"{tree.top}{path}" for path in expected]

    def test_a_missing_controller_is_named_with_what_helps(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match=r"io\.max=1: no cgroup v2 with io .*Delegate=yes"):
            cgroups.places({"io.max": "1"}, str(Tree(tmp_path).proc))

    def test_a_machine_without_any_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(Refused, match="no cgroup v2"):
            cgroups.places({"memory.max": "1"}, str(tmp_path))

    def test_a_limit_that_cannot_be_set_leaves_no_group(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path)  # in which a new folder has no files
        with pytest.raises(Refused, match=r"memory\.max=1: this kernel has no such limit"):
            cgroups.made({"memory.max": "1"}, "web", "r1", str(tree.proc))
        assert (tree.top / "user/cgroup.subtree_control").read_text() == "+memory"
        assert not (tree.top / "user/tsm-web-r1").exists()
