"""Saved files: what was written is read, to the byte; what makes no sense is refused whole."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsm.errors import Broken, NoSuchProcess
from tsm.spec import Restart, Spec
from tsm.store import saved
from tsm.store.home import Home, prepare

if TYPE_CHECKING:
    from pathlib import Path

SPEC = Spec(name="web", argv=("node", "server.js"), command="node server.js", cwd="/srv/web")

any_bytes = st.binary(max_size=12).map(lambda data: data.replace(b"\0", b""))
any_text = any_bytes.map(os.fsdecode)  # as argv and paths come: odd bytes are surrogates
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
rules = st.builds(
    Restart,
    when=st.sampled_from(["always", "no"]),
    max_retries=st.integers(0, 1000),
    delay_s=st.floats(0, 86400),
    success_codes=st.lists(st.integers(0, 255)).map(tuple),
    other=st.dictionaries(st.just("later"), json_values),
)
specs = st.builds(
    Spec,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
    argv=st.lists(any_text, min_size=1).map(tuple),
    command=any_text,
    cwd=any_text.map("/".__add__),
    interpreter=st.none() | st.just("node"),
    port=st.none() | st.integers(1, 65535),
    env_file=st.none() | any_text,
    env=st.dictionaries(any_text, any_text),
    clean_env=st.booleans(),
    restart=rules,
    stop_timeout_s=st.floats(0, 86400),
    other=st.dictionaries(st.just("of_a_later_release"), json_values),
)
environs = st.dictionaries(any_bytes.map(lambda key: key.replace(b"=", b"") or b"KEY"), any_bytes)
processes = st.lists(st.builds(saved.Saved, spec=specs, environ=environs, up=st.booleans()))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home."""
    path = tmp_path_factory.mktemp("home")
    path.chmod(0o700)
    home = Home(str(path))
    prepare(home)
    return home


@settings(max_examples=30)  # each is synced to the disk
@given(written=processes)
def test_what_was_written_is_read(place: Home, written: list[saved.Saved]) -> None:
    path = saved.write(place, "some", written)
    assert path == place.save_file("some")
    assert saved.read(place, "some") == written


def test_a_number_without_a_fraction_may_have_been_written_as_a_whole_one(place: Home) -> None:
    values = written_values(place)
    values["processes"][0]["spec"]["stop_timeout_s"] = 5
    changed(place, values)
    assert saved.read(place, "default")[0].spec.stop_timeout_s == 5.0


def test_the_file_is_one_line_of_ascii_for_its_owner_alone(place: Home) -> None:
    odd = {b"ODD": b"caf\xc3\xa9 \xff\n"}
    path = saved.write(place, "odd", [saved.Saved(SPEC, odd, up=True)])
    with open(path, "rb") as file:  # noqa: PTH123 - paths are text here
        data = file.read()
        assert os.fstat(file.fileno()).st_mode & 0o777 == 0o600
    assert data.isascii()
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1


def test_an_entry_has_wish_spec_and_env(place: Home) -> None:
    assert written_values(place) == {
        "version": 1,
        "processes": [
            {
                "wanted": "up",
                "spec": {
                    "name": "web",
                    "argv": ["node", "server.js"],
                    "command": "node server.js",
                    "cwd": "/srv/web",
                    "interpreter": None,
                    "port": None,
                    "umask": "0022",
                    "env_file": None,
                    "env": {},
                    "clean_env": False,
                    "restart": {
                        "when": "always",
                        "max_retries": 16,
                        "min_uptime_s": 1.0,
                        "delay_s": 1.0,
                        "max_delay_s": 60.0,
                        "success_codes": [0],
                        "retry_after_s": None,
                    },
                    "stop_signal": "SIGTERM",
                    "stop_timeout_s": 10.0,
                    "source_maps": False,
                },
                "env": ["A=1"],
            }
        ],
    }


def test_an_entry_of_the_first_release_is_read(place: Home) -> None:
    """What has a default may be missing."""
    spec = {"name": "web", "argv": ["node", "server.js"], "command": "node server.js"}
    entry = {"wanted": "down", "spec": {**spec, "cwd": "/srv/web"}, "env": ["A=1", "B=="]}
    changed(place, {"version": 1, "processes": [entry]})
    assert saved.read(place, "default") == [
        saved.Saved(SPEC, {b"A": b"1", b"B": b"="}, up=False),
    ]


def test_a_file_that_is_not_there_is_no_such_with_a_hint(place: Home) -> None:
    with pytest.raises(NoSuchProcess, match="tsm save other makes it"):
        saved.read(place, "other")


def written_values(place: Home) -> dict[str, Any]:
    """The content of a saved file with one process."""
    path = saved.write(place, "default", [saved.Saved(SPEC, {b"A": b"1"}, up=True)])
    with open(path, "rb") as file:  # noqa: PTH123 - paths are text here
        values: dict[str, Any] = json.loads(file.read())
    return values


def changed(place: Home, values: object) -> None:
    """Have this in the saved file."""
    with open(place.save_file("default"), "w", encoding="ascii") as file:  # noqa: PTH123 - as above
        json.dump(values, file)


NO_ENTRIES: tuple[object, ...] = (None, [], "web", {}, {"wanted": "up"})
BAD_PARTS: tuple[dict[str, object], ...] = (
    {"wanted": None},
    {"wanted": ["up"]},
    {"spec": None},
    {"spec": []},
    {"spec": {}},
    {"env": None},
    {"env": {"A": "1"}},
    {"env": "A=1"},
    {"env": [["A", "1"]]},
    {"env": ["A"]},
    {"env": ["A=\ud800"]},
    {"env": ["A=1\0B=2"]},
)


@pytest.mark.parametrize("bad", [*NO_ENTRIES, *BAD_PARTS], ids=repr)
@pytest.mark.parametrize("number", [0, 1])
def test_one_bad_entry_spoils_the_file_and_is_named(place: Home, number: int, bad: object) -> None:
    values = written_values(place)
    good = values["processes"][0]
    entry = {**good, **bad} if isinstance(bad, dict) and bad in BAD_PARTS else bad
    values["processes"] = [entry, good] if number == 0 else [good, entry]
    changed(place, values)
    path = place.save_file("default")
    with pytest.raises(Broken) as raised:
        saved.read(place, "default")
    assert str(raised.value).startswith(f"{path}: processes[{number}]")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        {},
        {"version": 1},
        {"processes": []},
        {"version": 2, "processes": []},
        {"version": "1", "processes": []},
        {"version": 1, "processes": {}},
    ],
    ids=repr,
)
def test_a_file_of_another_kind_is_broken(place: Home, values: object) -> None:
    changed(place, values)
    with pytest.raises(Broken, match=r"/saved/default\.json: "):
        saved.read(place, "default")


@given(data=st.binary(max_size=50))
def test_garbage_is_broken(place: Home, data: bytes) -> None:
    with open(place.save_file("garbage"), "wb") as file:  # noqa: PTH123 - paths are text here
        file.write(data)
    with pytest.raises(Broken, match=r"/saved/garbage\.json: "):
        saved.read(place, "garbage")


def test_names_are_those_of_whole_files_sorted(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    assert saved.names(home) == []
    tmp_path.chmod(0o700)
    prepare(home)
    for name in ("b", "a"):
        saved.write(home, name, [])
    (tmp_path / "runtime/saved/c.json.new").write_text("")
    assert saved.names(home) == ["a", "b"]
