"""Words of a command line: what a shell would make of them is what a process gets."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, ClassVar

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tsm.errors import NoSuchProcess, TsmError, Usage
from tsm.policy.words import (
    default_name,
    full_name,
    is_name,
    needs_shell,
    only,
    quoted,
    script,
    selected,
    shell_argv,
    split,
    suffix,
)
from tsm.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True).filter(is_name)
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "A": "a b"}


def outcome(argv: Sequence[str]) -> tuple[int, bytes]:
    """Exit status and output of a program."""
    done = subprocess.run(
        argv, env=ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return done.returncode, done.stdout


def words_of_a_shell(command: str) -> tuple[str, ...] | None:
    """The words that a shell would execute; None if it cannot read them."""
    status, out = outcome(["/bin/sh", "-c", f"printf '%s\\0' {command}"])
    return None if status else tuple(word.decode() for word in out.split(b"\0")[:-1])


class TestSplit:
    @settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
    @given(st.text(alphabet="ab \n'\"\\~#=!{}%-", max_size=12))
    @example("a \\\n b")
    @example('"a\\\nb"')
    @example("a\\ b")
    @example("a'b'\"c\"")
    @example("a#b")
    @example("''")
    @example('"\\a\\\\"')
    def test_is_that_of_a_shell_where_none_is_needed(self, command: str) -> None:
        assume(not needs_shell(command))
        try:
            words = split(command)
        except Usage:  # nothing to execute, or an open end
            return
        assert words == words_of_a_shell(command)

    @pytest.mark.parametrize("command", ["", "  ", "\n", "'open", 'a "open', "open\\"])
    def test_of_nothing_and_of_open_quotes_is_refused(self, command: str) -> None:
        with pytest.raises(Usage):
            split(command)


# Each says something; a shell that gives way to its last command must not change what.
SNIPPETS = [
    "echo a",
    "echo a; echo b",
    "true && echo b || echo c",
    "false && echo b || echo c",
    "cd /usr && pwd",
    "X=1; echo $X",
    "X=1 sh -c 'echo $X'",
    "export X=1; sh -c 'echo $X'",
    "X=1 Y='2 ; 3' sh -c 'echo $X $Y'",
    "echo 'a; b' \"c && d\"",
    'echo "$(echo "a; b")"',
    'echo "$(echo "$(echo a; echo b)"; echo c)"',
    "echo $(echo a; echo b)",
    "echo $(echo $(echo a; echo b); echo c)",
    "echo `echo a; echo b`",
    'echo "`echo "a; b"`"',
    "echo ${NOT_SET:-a; b}",
    'echo "${NOT_SET:-a; b}"',
    "echo ${NOT_SET:-$(echo a; echo b)}",
    "echo $((1 & 3)) $((2 || 0))",
    "{ echo a; echo b; }",
    "{ echo a; echo b; } && echo c",
    "(echo a; echo b)",
    "(exit 3); echo $?",
    "if true; then echo a; else echo b; fi",
    "if true; then echo a; fi; echo b",
    "for i in a b; do echo $i; done",
    "while false; do :; done; echo a",
    "until true; do :; done && echo a",
    "case a in a) echo b;; esac",
    "case a in a) echo b;; c) echo d ;; esac; echo e",
    "greet() { echo hello; }; greet",
    "greet() { echo $1; }\ngreet you",
    "alias hi=echo\nhi you",
    "echo a | cat",
    "echo a | cat; echo b",
    "echo a; echo b | cat",
    "! true; echo $?",
    "! false",
    "true; ! false",
    "echo a & wait",
    "echo a & wait; echo b",
    "set -e; false; echo never",
    "set -- a b; echo $#",
    "IFS=,; X=a,b; echo $X",
    "trap 'echo end' EXIT; echo a",
    "echo a; trap 'echo end' EXIT; true",
    "cat <<E\na; b\nE",
    "cat <<E\na; b\nE\necho c",
    "cat <<'E'; echo b\n$A\nE",
    "echo a # b; c",
    "echo a # it's\necho b",
    "echo a\\;b; echo c",
    "echo a \\\n  b; echo c",
    "true && echo 'a\\tb'",
    "true && printf '%s\\n' a",
    "true && test 1 = 1 && echo b",
    "true && [ 1 = 1 ]",
    "true; [ 1 = 2 ] || echo b",
    "true; false",
    "true; exit 3",
    "true; return 3",
    "true; local X",
    "true; getopts a X",
    "true; hash",
    "true; command echo a",
    "true; type sh",
    "true; umask",
    "true; kill -0 $$ && echo b",
    "true; eval 'echo a'",
    "true; exec echo a",
    "true; ulimit -n >/dev/null; echo a",
    "echo a >/dev/null; echo b 2>&1",
    "echo a 2>&1 >/dev/null; echo b",
    "true; >/dev/null echo a",
    "true; 2>&1 echo a",
    "true; </dev/null cat",
    "echo ~; true",
    'echo $A; echo "$A"',
    "X='a;b'; echo $X",
    "echo a;",
    "echo a &",
    "; echo a",
    "echo a;; echo b",
    "A=1",
    "A=1; B=2",
    "A=1 B=2",
    "true && A=1",
    "false || A='b c'",
    "A=$(echo a b)",
    "A=$(echo a b) printenv A",
    "A=${HOME} printenv A",
    'A="$(echo a b)" printenv A',
    "true; B=$(echo a b; echo c)",
    "$(echo echo a) b",
    "no-such-program-here; true",
    "true; no-such-program-here",
]


class TestShell:
    @pytest.mark.parametrize("command", SNIPPETS)
    def test_that_gives_way_to_its_last_command_says_the_same(self, command: str) -> None:
        assert outcome(shell_argv(command)) == outcome(["/bin/sh", "-c", command])

    @pytest.mark.parametrize(
        "command",
        [
            *("a; b", "a && b", "a | b", "a > b", "a < b", "a &", "(a)", "a $B", "a ${B}", "a `b`"),
            *("a $(b)", 'a "$B"', 'a "`b`"', "a *", "a ?", "a [b]", "a\nb", "A=1 b", "~/a", "a ~"),
            *("cd /x", "exec a", "if a; then b; fi", "{ a; }", "! a", "a # b", ". ./a", "a 2>&1"),
        ],
    )
    def test_is_needed(self, command: str) -> None:
        assert needs_shell(command)

    @pytest.mark.parametrize(
        "command",
        [
            *("node server.js", "a 'b; c'", 'a "b && c"', "a b\\;c", "a --b=c", "a b=c", "a b#c"),
            *(
                "a 'x\ny'",
                "a '$B'",
                "a \\$B",
                "a %s",
                "a 100%",
                "a b@c",
                "a , . : / + ^ !b",
                "a ''",
            ),
            *("a b~", "./a", "/bin/a", "a -- b"),
        ],
    )
    def test_is_not_needed(self, command: str) -> None:
        assert not needs_shell(command)

    @pytest.mark.parametrize(
        ("command", "last"),
        [
            ("cd /x && node a.js", "exec node a.js"),
            ("A=1; node a.js >b 2>&1", "exec node a.js >b 2>&1"),
            ("a || b; node 'x;y'", "exec node 'x;y'"),
            ("A=1 node a.js", "exec node a.js"),
            ("A=$(b c) node a.js", "exec node a.js"),
            ("node $(b c) a.js", "exec node $(b c) a.js"),
        ],
    )
    def test_gives_way_to_the_program(self, command: str, last: str) -> None:
        shell, option, text = shell_argv(command)
        assert (shell, option) == ("/bin/sh", "-c")
        assert text.endswith(last)
        assert text.replace("exec ", "") == command


class TestScript:
    @pytest.mark.parametrize(
        ("command", "argv", "interpreter", "found"),
        [
            pytest.param("a.py", "python3 a.py", "python3", "a.py", id="by-its-suffix"),
            pytest.param("sh.sh -x", "sh sh.sh -x", "sh", "sh.sh", id="called-like-it"),
            pytest.param("a.ts", "tsx a.ts", "tsx", "a.ts", id="second-choice"),
            pytest.param("a.py", "/opt/python3 a.py", "/opt/python3", "a.py", id="by-path"),
            pytest.param("sh a.sh", "sh a.sh", "sh", None, id="typed-with-it"),
            pytest.param("'sh' a.sh", "sh a.sh", "sh", None, id="typed-in-quotes"),
            pytest.param("./a.py", "./a.py", None, None, id="none"),
            pytest.param("ls -l", "valgrind ls -l", "valgrind", None, id="no-suffix"),
            pytest.param("a.js", "node -r x a.js", "node -r x", None, id="with-options"),
            pytest.param("", "python3", "python3", None, id="alone"),
        ],
    )
    def test_is_known_where_tsm_has_put_its_interpreter_in_front(
        self, command: str, argv: str, interpreter: str | None, found: str | None
    ) -> None:
        spec = Spec("a", tuple(argv.split()), command, "/srv", interpreter)
        assert script(spec) == found


class TestName:
    @given(name=NAMES, port=st.none() | st.integers(1, 65535))
    def test_full_is_the_name_and_the_port_once(self, name: str, port: int | None) -> None:
        full = full_name(name, port)
        assert is_name(full)
        assert full == (name if port is None or name.endswith(f"-{port}") else f"{name}-{port}")
        assert full_name(full, port) == full

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "all",
            ".a",
            "-a",
            "_a",
            "a/b",
            "a b",
            "a\n",
            "é",
            "x" * 65,
            "..",
            "a\0",
            "a\udcff",
            "*",
        ],
    )
    def test_that_is_none_is_refused(self, name: str) -> None:
        assert not is_name(name)
        with pytest.raises(Usage):
            full_name(name, None)

    def test_has_room_for_the_port(self) -> None:
        assert len(full_name("x" * 58, 65535)) == 64
        with pytest.raises(Usage):
            full_name("x" * 59, 65535)

    @given(words=st.lists(st.text(min_size=1), min_size=1), port=st.none() | st.integers(1, 65535))
    @example(words=["./all.sh"], port=None)
    @example(words=["all"], port=None)
    @example(words=["/"], port=None)
    @example(words=["x" * 200], port=65535)
    @example(words=["\udcff"], port=None)
    def test_by_default_is_always_one(self, words: list[str], port: int | None) -> None:
        assert is_name(full_name(default_name(words), port))

    @pytest.mark.parametrize(
        ("words", "name"),
        [
            (["node", "server.js"], "server"),
            (["server.js"], "server"),
            (["python3", "-u", "/srv/my app.py", "x.sh"], "my-app"),
            (["/usr/bin/nginx", "-g", "daemon off;"], "nginx"),
            (["java", "-jar", "app.jar"], "java"),
            ([".hidden"], "hidden"),
            (["./run.v2.sh"], "run.v2"),
            (["./-_-"], "process"),
        ],
    )
    def test_by_default_is_the_scripts_or_the_programs(self, words: list[str], name: str) -> None:
        assert default_name(words) == name

    @pytest.mark.parametrize(
        ("path", "end"),
        [("a.js", ".js"), ("/a.b/c", ""), (".js", ""), ("a.", "."), ("a.b.c", ".c"), ("", "")],
    )
    def test_suffix(self, path: str, end: str) -> None:
        assert suffix(path) == end


class TestSelection:
    IDS: ClassVar[dict[str, int]] = {
        "a1": 1,
        "a2": 2,
        "7": 3,
        "web-3000": 4,
        "api-1": 5,
        "api-2": 6,
        "api-x": 7,
        "web": 8,
    }

    def of(self, *words: str) -> list[str]:
        return selected(words, sorted(self.IDS), self.IDS.get)

    @pytest.mark.parametrize(
        ("words", "names"),
        [
            (["a1"], ["a1"]),
            (["a2", "a1", "a2"], ["a1", "a2"]),
            (["2"], ["a2"]),
            (["7"], ["7"]),  # the name before the id
            (["web"], ["web"]),  # the full name before the short one
            (["web-3000"], ["web-3000"]),
            (["a?"], ["a1", "a2"]),
            (["api-[12]"], ["api-1", "api-2"]),
            (["*"], sorted(IDS)),
            (["all"], sorted(IDS)),
            ([], []),
        ],
    )
    def test_of_words(self, words: list[str], names: list[str]) -> None:
        assert self.of(*words) == names

    def test_of_a_short_name_is_that_with_a_port(self) -> None:
        assert selected(["web"], ["web-3000", "web-x", "webs-1"], lambda _: None) == ["web-3000"]

    @pytest.mark.parametrize("word", ["x", "99", "z*", "", "A1", "a1 ", "-1", "²", "1" * 5000])
    def test_of_nobody_is_refused(self, word: str) -> None:
        with pytest.raises(NoSuchProcess):
            self.of("a1", word)

    def test_of_several_that_only_the_port_tells_apart_is_refused(self) -> None:
        with pytest.raises(Usage, match="api-1, api-2"):
            self.of("api")

    @given(names=st.lists(st.text(min_size=1), unique=True, min_size=1))
    def test_of_the_word_for_only_one_is_just_that(self, names: list[str]) -> None:
        for name in [*names, "all", "-a", "*", "-["]:
            every = [*names, "all", "-a", "*", "-[", "ball", "a-a"]
            assert selected([only(name)], list(dict.fromkeys(every)), lambda _: None) == [name]
            assert not only(name).startswith("-")

    @pytest.mark.parametrize("name", ["all", "*", "a*", "[a]", "-[!a]", "?"])
    def test_of_the_word_for_only_one_is_nothing_once_that_is_gone(self, name: str) -> None:
        with pytest.raises(NoSuchProcess):
            selected([only(name)], ["a", "b", "ball", "-b"], lambda _: None)

    def test_of_an_id_that_several_have_is_refused(self) -> None:
        with pytest.raises(Usage, match="a, b: give its name"):
            selected(["1"], ["a", "b", "c"], {"a": 1, "b": 1, "c": 2}.get)

    @given(names=st.lists(NAMES, unique=True), word=st.text() | NAMES)
    def test_never_invents_and_always_finds_itself(self, names: list[str], word: str) -> None:
        ids = {name: number for number, name in enumerate(names, 1)}
        for name in names:
            assert selected([name], names, ids.get) == [name]
        assert selected(["all"], names, ids.get) == sorted(names)
        try:
            found = selected([word], names, ids.get)
        except TsmError:
            return
        assert set(found) <= set(names)


@given(st.binary(min_size=1).map(os.fsdecode).filter(lambda word: "\0" not in word))
@example("b ad")
@example("-\x01")
@example("it's \udcff%d\\n\n-")
def test_a_quoted_word_can_be_printed_and_is_the_same_to_a_shell(word: str) -> None:
    if word.endswith("\n"):
        word += "."
    shown = quoted(word)
    assert shown.isprintable()
    command = ["/bin/sh", "-c", f"printf %s. {shown}"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == os.fsencode(
        f"{word}."
    )
