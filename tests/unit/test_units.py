"""Units and crontab lines: what systemd and cron read is what was meant."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import boot
from tsm.view import units

# What may stand in a path. Lines are another matter: neither systemd nor cron has a way.
path_text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])
    | st.sampled_from(" \t%$\"'\\;#&|<>()*?`~={}[]!@:-+"),
    max_size=20,
)
homes = path_text.map("/home/".__add__)
call = st.builds(
    units.Call,
    program=st.lists(path_text, max_size=2).map(lambda words: ("/usr/bin/tsm", *words, "x")),
    home=homes,
    system=st.booleans(),
)
SIMPLE = units.Call(("/usr/bin/tsm",), "/home/me/.tsm", system=False)


@given(call)
def test_systemd_reads_what_was_meant(one: units.Call) -> None:
    files = units.systemd(one)
    for name, argument in (("tsm.service", "resurrect"), ("tsm-patrol.service", "patrol")):
        environment, argv = boot.command(files[name])
        assert environment == {"TSM_HOME": one.home}
        assert argv == ["/usr/bin/env", *(word for word in one.program if word), argument]


@pytest.mark.parametrize(
    ("home", "quoted"),
    [
        ("/a", "TSM_HOME=/a"),
        ("/a b", '"TSM_HOME=/a b"'),
        ("/a%b", "TSM_HOME=/a%%b"),
        ("/a$b", "TSM_HOME=/a$b"),  # systemd.exec(5): `$` means nothing in Environment=
        ('/a"b', '"TSM_HOME=/a\\"b"'),
        ("/a'b", '"TSM_HOME=/a\'b"'),
        ("/a\\b", "TSM_HOME=/a\\\\b"),
    ],
)
def test_a_home_is_quoted_for_systemd(home: str, quoted: str) -> None:
    unit = units.systemd(units.Call(SIMPLE.program, home, system=False))["tsm.service"]
    assert boot.setting(unit, "Environment")[0] == quoted


def test_an_argument_is_quoted_for_systemd() -> None:
    program = ("/usr/bin/python3", "a$b", "50%", "c d")
    unit = units.systemd(units.Call(program, "/h", system=False))["tsm.service"]
    assert boot.setting(unit, "ExecStart") == [
        '/usr/bin/env /usr/bin/python3 a$$b 50%% "c d" resurrect'
    ]


def test_the_program_that_systemd_executes_is_never_odd() -> None:
    """In its path no variable is expanded, so `$$` is no escape, and a quote is refused."""
    one = units.Call(('/opt/a$b "c"/tsm',), "/h", system=False)
    (line,) = boot.setting(units.systemd(one)["tsm.service"], "ExecStart")
    assert boot.words(line)[0] == "/usr/bin/env"


@pytest.mark.parametrize(
    ("system", "target"), [(True, "multi-user.target"), (False, "default.target")]
)
def test_units_are_wanted_where_their_owner_begins(*, system: bool, target: str) -> None:
    one = units.Call(SIMPLE.program, SIMPLE.home, system)
    assert boot.setting(units.systemd(one)["tsm.service"], "WantedBy") == [target]


def test_there_is_a_unit_for_each_name() -> None:
    assert set(units.systemd(SIMPLE)) == {"tsm.service", "tsm-patrol.service", "tsm-patrol.timer"}


def test_crontab_lines_stand_between_the_marks_of_their_home() -> None:
    lines = units.crontab(SIMPLE).splitlines()
    assert (lines[0], lines[-1]) == units.crontab_marks(SIMPLE.home)
    assert [boot.cron_command(line)[0] for line in lines[1:-1]] == ["@reboot", "* * * * *"]


@pytest.mark.parametrize("home", ["/100%", "/%%", "/it's 50%", "/a\\%b", "/%\\"])
def test_percent_signs_are_escaped_for_cron(home: str) -> None:
    one = units.Call(SIMPLE.program, home, system=False)
    for line in units.crontab(one).splitlines()[1:-1]:
        _, command = boot.cron_command(line)
        assert _shell_words(command)[1:2] == [f"TSM_HOME={home}"]


@given(call)
@example(units.Call(("/usr/bin/tsm", "/a\\\\b"), "/a\\%b", system=False))
def test_cron_reads_what_was_meant(one: units.Call) -> None:
    """Whatever is in the paths: cron's escapes first, then the shell's."""
    lines = units.crontab(one).splitlines()[1:-1]
    for line, argument in zip(lines, ("resurrect", "patrol"), strict=True):
        _, command = boot.cron_command(line)
        expected = ["env", f"TSM_HOME={one.home}", *one.program, argument]
        assert _shell_words(command) == expected


def _shell_words(command: str) -> list[str]:
    """The words that a shell makes of a command, without running it; none if it cannot."""
    words = command.removesuffix(" >/dev/null")
    script = f'set -f; for word in {words}; do printf "%s\\0" "$word"; done'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False)
    return [word.decode() for word in done.stdout.split(b"\0")[:-1]]
