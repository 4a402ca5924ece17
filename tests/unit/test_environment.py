"""Environments: the saved one to the byte, and what .env files of users say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tsm.errors import Broken, Refused, Usage
from tsm.policy.environ import composed, is_secret
from tsm.spec import Spec
from tsm.store.environment import entries, read, read_dotenv, write
from tsm.store.home import Home, prepare

NO_NUL = st.binary(max_size=20).map(lambda data: data.replace(b"\0", b""))
KEYS = NO_NUL.map(lambda data: data.replace(b"=", b"")).filter(bool)
OF_THE_CALLER = (
    *(b"NOTIFY_SOCKET", b"WATCHDOG_USEC", b"WATCHDOG_PID", b"TSM_HEARTBEAT"),
    *(b"OLDPWD", b"TSM_RUN", b"TSM_NAME", b"_", b""),
    *(b"NOTIFY_SOCKET", b"WATCHDOG_USEC", b"WATCHDOG_PID", b"TSM_HEARTBEAT"),
    *(b"TSM_EVENT", b"TSM_PID", b"TSM_EXIT_CODE", b"TSM_SIGNAL", b"TSM_REASON"),  # a hook's
)
SPEC = Spec("web", ("sleep", "9"), "sleep 9", "/srv")


def made(folder: Path) -> Home:
    place = Home(str(folder / "home"))
    prepare(place)
    Path(place.process("web")).mkdir()
    return place


class TestSaved:
    @given(environ=st.dictionaries(KEYS, NO_NUL))
    def test_is_read_as_it_was_written(
        self, tmp_path_factory: pytest.TempPathFactory, environ: dict[bytes, bytes]
    ) -> None:
        home = made(tmp_path_factory.mktemp("environment"))
        write(home, "web", environ)
        assert read(home, "web") == environ
        assert list(read(home, "web")) == list(environ)

    def test_has_the_format_of_proc(self) -> None:
        assert entries({b"A": b"1", b"b.c": b""}) == b"A=1\0b.c=\0"

    def test_is_the_owners_alone(self, tmp_path: Path) -> None:
        home = made(tmp_path)
        write(home, "web", {b"A": b"1"})
        assert Path(home.file("web", "env")).stat().st_mode & 0o777 == 0o600

    def test_may_be_empty(self, tmp_path: Path) -> None:
        home = made(tmp_path)
        write(home, "web", {})
        assert read(home, "web") == {}

    @pytest.mark.parametrize("data", [b"A\0", b"A=1\0B\0", b"\n", b"=1\0"])
    def test_without_a_name_or_an_equals_sign_is_broken(self, tmp_path: Path, data: bytes) -> None:
        home = made(tmp_path)
        Path(home.file("web", "env")).write_bytes(data)
        with pytest.raises(Broken, match="no NAME=VALUE") as broken:
            read(home, "web")
        assert "--update-env web" in broken.value.line

    def test_that_is_missing_is_broken_and_tells_what_helps(self, tmp_path: Path) -> None:
        with pytest.raises(Broken, match="No such file") as broken:
            read(made(tmp_path), "web")
        assert "--update-env web" in broken.value.line


DOTENV = [
    (b"", {}),
    (b"A=1", {b"A": b"1"}),
    (b"A=1\nB=2\n", {b"A": b"1", b"B": b"2"}),
    (b"A=1\r\nB=2\r\n", {b"A": b"1", b"B": b"2"}),
    (b"\xef\xbb\xbfA=1\n", {b"A": b"1"}),
    (b"\n  \n# A=1\n  # B=2\nC=3\n", {b"C": b"3"}),
    (b"export A=1\nexport\tB=2\n", {b"A": b"1", b"B": b"2"}),
    (b"  A = 1  \n", {b"A": b"1"}),
    (b"A=\nB=''\nC=\"\"\n", {b"A": b"", b"B": b"", b"C": b""}),
    (b"A=1\nA=2\n", {b"A": b"2"}),
    (b"A=a b  c\n", {b"A": b"a b  c"}),
    (b"A=1 # comment\nB=1#no\nC=#comment?\nD= # yes\n", {b"A": b"1", b"B": b"1#no", b"D": b""}),
    (b"A='1 # no' # yes\n", {b"A": b"1 # no"}),
    (b"A='$HOME `id` \\n \"'\n", {b"A": b'$HOME `id` \\n "'}),
    (b'A="$HOME `id` \'"\n', {b"A": b"$HOME `id` '"}),
    (b'A="a\\nb\\tc\\rd\\\\e\\"f\\$g"\n', {b"A": b'a\nb\tc\rd\\e"f$g'}),
    (b'A="one\ntwo\n"\nB=1\n', {b"A": b"one\ntwo\n", b"B": b"1"}),
    (b"A='one\n# two\n\nthree'\nB=1\n", {b"A": b"one\n# two\n\nthree", b"B": b"1"}),
    (b"A=a=b=c\n", {b"A": b"a=b=c"}),
    (b"A=\xff\xfe\n\xffB=1\n", {b"A": b"\xff\xfe", b"\xffB": b"1"}),
    (b"a.b=1\nBASH_FUNC_x%%=() { :; }\n", {b"a.b": b"1", b"BASH_FUNC_x%%": b"() { :; }"}),
    (b'A=it\'s\nB=say "hi"\n', {b"A": b"it's", b"B": b'say "hi"'}),
    (b"A=C:\\new\\table\n", {b"A": b"C:\\new\\table"}),
    (b"A=1\x0bB\x0cC\x85D\n", {b"A": b"1\x0bB\x0cC\x85D"}),
]
BAD = [
    (b"A\n", 1),
    (b"A=1\nB\n", 2),
    (b"=1\n", 1),
    (b"A='open\nB=1\n", 1),
    (b'A="open\n\nB=1\n', 1),
    (b"A='1' x\n", 1),
    (b"A B=1\n", 1),
    (b"# fine\n\nA=1\0\n", 3),
    (b"export\n", 1),
    (b"'A'=1\n", 1),
]


class TestFile:
    @pytest.mark.parametrize(("data", "expected"), DOTENV, ids=[repr(data) for data, _ in DOTENV])
    def test_sets_what_it_says(
        self, tmp_path: Path, data: bytes, expected: dict[bytes, bytes]
    ) -> None:
        path = tmp_path / ".env"
        path.write_bytes(data)
        found = read_dotenv(str(path))
        assert {key: found.get(key) for key in expected} == expected
        assert set(found) <= set(expected) | {b"C"}

    @pytest.mark.parametrize(("data", "line"), BAD, ids=[repr(data) for data, _ in BAD])
    def test_line_that_makes_no_sense_is_told_by_number(
        self, tmp_path: Path, data: bytes, line: int
    ) -> None:
        path = tmp_path / ".env"
        path.write_bytes(data)
        with pytest.raises(Usage, match=f"^{path}: line {line}: "):
            read_dotenv(str(path))

    @pytest.mark.parametrize("name", ["none", "."])
    def test_that_cannot_be_read_is_told(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(Refused, match="cannot read the env file"):
            read_dotenv(str(tmp_path / name))

    @given(
        environ=st.dictionaries(
            st.from_regex(rb"[A-Za-z_][A-Za-z0-9_.]*", fullmatch=True),
            NO_NUL.map(lambda data: data.replace(b"'", b"").replace(b"\r", b"")),
            max_size=4,
        )
    )
    @example(environ={b"A": b" \t\n b \n"})
    def test_in_single_quotes_all_is_literal(
        self, tmp_path_factory: pytest.TempPathFactory, environ: dict[bytes, bytes]
    ) -> None:
        path = tmp_path_factory.mktemp("dotenv") / ".env"
        lines = [b"%s='%s'\n" % (key, value) for key, value in environ.items()]
        path.write_bytes(b"".join(lines))
        assert read_dotenv(str(path)) == environ

    @given(data=st.binary() | st.text(alphabet="AB=#'\"\\ \n", max_size=40).map(str.encode))
    def test_is_either_understood_or_refused(
        self, tmp_path_factory: pytest.TempPathFactory, data: bytes
    ) -> None:
        path = tmp_path_factory.mktemp("dotenv") / ".env"
        path.write_bytes(data)
        try:
            found = read_dotenv(str(path))
        except Usage as refused:
            assert "\n" not in str(refused)  # noqa: PT017
            return
        assert all(key and b"=" not in key for key in found)
        assert not any(b"\0" in key + value for key, value in found.items())


class TestComposed:
    def test_each_source_goes_over_the_one_before(self) -> None:
        spec = Spec("web", ("a",), "a", "/srv", port=80, env={"C": "option", "PORT": "1"})
        caller = dict.fromkeys([b"A", b"B", b"C", b"PWD", b"TSM_NAME"], b"caller")
        assert composed(spec, caller, {b"B": b"file", b"C": b"file", b"PWD": b"file"}) == {
            b"A": b"caller",
            b"B": b"file",
            b"C": b"option",
            b"PWD": b"/srv",
            b"TSM_NAME": b"web",
            b"PORT": b"80",
        }

    def test_the_user_goes_over_the_caller_and_below_what_was_told(self) -> None:
        user = {b"HOME": b"/srv/www", b"USER": b"www"}
        caller = {b"HOME": b"/root", b"USER": b"root"}
        found = composed(SPEC, caller, {b"USER": b"file"}, user)
        assert (found[b"HOME"], found[b"USER"]) == (b"/srv/www", b"file")

    def test_what_is_true_of_the_caller_alone_is_left_out(self) -> None:
        caller = dict.fromkeys(OF_THE_CALLER, b"x") | {b"A": b"1"}
        assert composed(SPEC, caller, {}) == {b"A": b"1", b"PWD": b"/srv", b"TSM_NAME": b"web"}

    @given(
        caller=st.dictionaries(KEYS, NO_NUL), value=st.binary().map(lambda b: b.replace(b"\0", b""))
    )
    def test_bytes_are_kept(self, caller: dict[bytes, bytes], value: bytes) -> None:
        spec = Spec(
            "web", ("a",), "a", "/", env={"X\udcff": value.decode("utf-8", "surrogateescape")}
        )
        found = composed(spec, caller, {})
        assert found[b"X\xff"] == value
        ours = {*OF_THE_CALLER, b"PWD", b"X\xff"}
        assert {key: found[key] for key in caller if key not in ours} == {
            key: value for key, value in caller.items() if key not in ours
        }

    @pytest.mark.parametrize(
        ("key", "secret"),
        [
            ("DB_PASSWORD", True),
            ("github_token", True),
            ("AWS_SECRET_ACCESS_KEY", True),
            ("DATABASE_URL", True),
            ("PATH", False),
            ("KEYBOARD", False),
            ("PWD", False),
            ("OLDPWD", False),
        ],
    )
    def test_secrets_are_known_by_name(self, key: str, *, secret: bool) -> None:
        assert is_secret(key) == secret
