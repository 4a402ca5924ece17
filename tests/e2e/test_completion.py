"""tsm completion: scripts that the shells load, and what they then offer."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.running import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.running import Tsm

COMMANDS = {
    *("start", "stop", "restart", "delete", "rm", "ls", "list", "status", "ps", "describe", "show"),
    *("logs", "patrol", "signal", "wait", "pid", "env", "path", "save", "resurrect", "events"),
    *("history", "crashes", "metrics", "report", "startup", "unstartup", "check", "completion"),
    *("set", "pause", "resume", "reset", "attach"),
}
LOGS = {
    *("--all-history", "--context", "--err", "--export", "--follow", "--grep", "--help"),
    *("--highlight", "--invert", "--json", "--level", "--lines", "--out", "--since"),
    *("--timestamps", "--until"),
}

# zsh completes only at a prompt: what its builtins are told to offer is printed instead.
_ZSH_STUBS = r"""
compdef() { : }
_files() { : }
_describe() { local -a offered; offered=("${(@P)2}"); print -rl -- "${offered[@]%%:*}" }
compadd() { [[ $1 == -- ]] && shift; print -rl -- "${(@M)@:#$PREFIX*}" }
"""


def run(tsm: Tsm, *argv: str) -> set[str]:
    """The lines that a shell prints, with tsm on its PATH; it must not complain."""
    done = subprocess.run(
        argv,
        env=tsm.env | {"PATH": f"{PROGRAM.parent}:{tsm.env['PATH']}"},
        cwd=tsm.cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return set(done.stdout.split("\n")) - {""}


def script_for(tsm: Tsm, shell: str) -> str:
    """The script of that shell, as a quoted path."""
    path = tsm.cwd / f"completion.{shell}"
    if not path.exists():
        path.write_text(tsm("completion", shell).out)
    return shlex.quote(str(path))


def bash(tsm: Tsm, words: list[str]) -> set[str]:
    """What bash offers for the last of the words."""
    script = (
        f". {script_for(tsm, 'bash')}; COMP_WORDS=({shlex.join(words)}); "
        f"COMP_CWORD={len(words) - 1}; _tsm || true; "
        'for word in "${COMPREPLY[@]}"; do echo "$word"; done; complete -p tsm >/dev/null'
    )
    return run(tsm, "bash", "--norc", "-c", script)


def zsh(tsm: Tsm, words: list[str]) -> set[str]:
    """What zsh offers for the last of the words."""
    script = (
        f"{_ZSH_STUBS}\n. {script_for(tsm, 'zsh')}; words=({shlex.join(words)}); "
        f"CURRENT={len(words)}; PREFIX={shlex.quote(words[-1])}; _tsm || true"
    )
    return {word for word in run(tsm, "zsh", "-f", "-c", script) if word.startswith(words[-1])}


def fish(tsm: Tsm, words: list[str]) -> set[str]:
    """What fish offers for the last of the words."""
    line = shlex.join(words[:-1]) + " " + words[-1]
    script = f"source {script_for(tsm, 'fish')}; complete -C {shlex.quote(line)}"
    offered = run(tsm, "fish", "--no-config", "-c", script)
    return {word.partition("\t")[0] for word in offered}


def _shell(name: str, offers: Callable[[Tsm, list[str]], set[str]]) -> object:
    there = shutil.which(name) is not None
    return pytest.param(
        offers, id=name, marks=pytest.mark.skipif(not there, reason=f"no {name} here")
    )


each_shell = pytest.mark.parametrize(
    "offers", [_shell("bash", bash), _shell("zsh", zsh), _shell("fish", fish)]
)


@each_shell
def test_the_script_is_loaded_as_the_manual_says(
    tsm: Tsm, offers: Callable[[Tsm, list[str]], set[str]]
) -> None:
    shell = offers.__name__
    lines = {
        "bash": 'eval "$(tsm completion bash)"; complete -p tsm',
        "zsh": 'autoload -U compinit; compinit -D; eval "$(tsm completion zsh)"; echo $_comps[tsm]',
        "fish": "tsm completion fish | source; complete -c tsm | head -1",
    }
    assert any("tsm" in line for line in run(tsm, shell, "-c", lines[shell]))


@each_shell
def test_every_command_is_offered(tsm: Tsm, offers: Callable[[Tsm, list[str]], set[str]]) -> None:
    assert offers(tsm, ["tsm", ""]) >= COMMANDS


@each_shell
def test_a_command_begun_is_completed(
    tsm: Tsm, offers: Callable[[Tsm, list[str]], set[str]]
) -> None:
    assert offers(tsm, ["tsm", "sta"]) == {"start", "startup", "status"}


@each_shell
def test_the_options_of_a_command_are_offered(
    tsm: Tsm, offers: Callable[[Tsm, list[str]], set[str]]
) -> None:
    assert offers(tsm, ["tsm", "logs", "--"]) == LOGS
    assert "--reveal" in offers(tsm, ["tsm", "env", "--r"])


@each_shell
def test_the_options_of_an_alias_are_those_of_its_command(
    tsm: Tsm, offers: Callable[[Tsm, list[str]], set[str]]
) -> None:
    for word in ("ls", "ps"):
        assert offers(tsm, ["tsm", word, "--"]) == {"--help", "--json", "--sort", "--table"}


@each_shell
def test_the_names_of_processes_are_offered(
    tsm: Tsm, offers: Callable[[Tsm, list[str]], set[str]]
) -> None:
    for name in ("web", "worker", "db.main"):
        tsm("start", "true", "--name", name, "--restart", "no")
    for command in ("rm", "env", "start"):
        assert offers(tsm, ["tsm", command, "w"]) == {"web", "worker"}, command
    assert offers(tsm, ["tsm", "stop", "web", "d"]) == {"db.main"}
    assert "all" in offers(tsm, ["tsm", "stop", "a"])
    assert offers(tsm, ["tsm", "logs", "-f", "w"]) == {"web", "worker"}


@each_shell
def test_where_there_is_no_home_no_name_is_offered_and_none_is_made(
    tsm: Tsm, offers: Callable[[Tsm, list[str]], set[str]]
) -> None:
    shutil.rmtree(tsm.home)
    assert offers(tsm, ["tsm", "stop", "w"]) == set()
    assert not tsm.home.exists()


@each_shell
def test_where_names_make_no_sense_none_is_offered(
    tsm: Tsm, offers: Callable[[Tsm, list[str]], set[str]]
) -> None:
    tsm("start", "true", "--name", "web", "--restart", "no")
    for command in ("save", "check", "startup"):
        assert "web" not in offers(tsm, ["tsm", command, "w"])


@each_shell
def test_an_unknown_command_has_nothing_to_offer(
    tsm: Tsm, offers: Callable[[Tsm, list[str]], set[str]]
) -> None:
    assert not offers(tsm, ["tsm", "nonsense", "--"]) & LOGS


@pytest.mark.parametrize("shell", ["tcsh", "", "--json"])
def test_an_unknown_shell_is_2(tsm: Tsm, shell: str) -> None:
    result = tsm("completion", shell, ok=False)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1


def test_without_a_shell_is_2(tsm: Tsm) -> None:
    assert tsm("completion", ok=False).status == 2
