"""Documents: what is written is read again, to the byte; what makes no sense is told."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.errors import Broken
from tsm.model import STATUSES, Meta
from tsm.record import Record
from tsm.record import changed as replace
from tsm.spec import RESTART_POLICIES, Restart, Spec
from tsm.store import atomic
from tsm.store.documents import (
    decoded,
    encoded,
    meta_bytes,
    object_bytes,
    read_meta,
    read_object,
    write_meta,
    write_spec,
)
from tsm.store.home import Home, prepare

if TYPE_CHECKING:
    from pathlib import Path

ANY_BYTES = st.binary(max_size=30).map(os.fsdecode)  # odd bytes are lone surrogates
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
TEXT = (ANY_BYTES | ANY_TEXT).map(lambda text: text.replace("\0", ""))  # no program could get it
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
SECONDS = st.floats(0, 86400)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def others(*kinds: type[Meta | Spec | Restart]) -> st.SearchStrategy[dict[str, object]]:
    """Keys of a later release."""
    known = {field for kind in kinds for field in kind.fields}
    return st.dictionaries(TEXT.filter(lambda key: key not in known), JSON, max_size=3)


RESTARTS = st.builds(
    Restart,
    when=st.sampled_from(RESTART_POLICIES),
    max_retries=st.integers(0, 1000),
    min_uptime_s=SECONDS,
    delay_s=SECONDS,
    max_delay_s=SECONDS,
    success_codes=st.lists(st.integers(0, 255), max_size=4).map(tuple),
    other=others(Restart),
)
SPECS = st.builds(
    Spec,
    name=NAMES,
    argv=st.lists(TEXT, min_size=1, max_size=4).map(tuple),
    command=TEXT,
    cwd=TEXT,
    interpreter=st.none() | TEXT,
    port=st.none() | st.integers(1, 65535),
    umask=st.sampled_from(["0022", "077"]),
    env_file=st.none() | TEXT,
    env=st.dictionaries(TEXT, TEXT, max_size=3),
    clean_env=st.booleans(),
    restart=RESTARTS,
    stop_signal=st.sampled_from(["SIGTERM", "40"]),
    stop_timeout_s=SECONDS,
    other=others(Spec),
)
LONG_TEXT = (
    TEXT
    | st.integers(0, 100_000).map(lambda size: "x" * size)
    | (
        st.integers(0, 2000).map(lambda size: "\udcff" * size)
        | ANY_TEXT.map(lambda text: text.replace("\0", "") * 50)
    )
)
METAS = st.builds(
    Meta,
    tsm_id=st.integers(1, 10**9),
    name=NAMES,
    pid=st.none() | st.integers(1, 2**22),
    command=LONG_TEXT,
    cwd=LONG_TEXT,
    interpreter=st.none() | LONG_TEXT,
    port=st.none() | st.integers(1, 65535),
    status=st.sampled_from(STATUSES),
    start_time=st.none() | st.floats(0, 1e11).map(lambda time: round(time, 3)),
    restarts=st.integers(0, 10**9),
    unstable_restarts=st.integers(0, 10**9),
    env_file=st.none() | LONG_TEXT,
    ticks=st.none() | st.integers(0, 10**12),
    boot=st.none() | st.uuids().map(str),
)
META = Meta(1, "web", None, "node a.js", "/srv", None, None, "stopped", None, 0, 0, None)
SPEC = Spec("web", ("sleep", "9"), "sleep 9", "/")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with one process directory, `web`."""
    place = Home(str(tmp_path / "home"))
    prepare(place)
    os.mkdir(place.process("web"))  # noqa: PTH102 - layout speaks in strings
    return place


@given(SPECS)
def test_spec_survives_to_the_byte_with_keys_of_a_later_release(spec: Spec) -> None:
    data = object_bytes(encoded(spec))
    assert decoded(Spec, json.loads(data), "path") == spec
    assert data.isascii()
    assert data.count(b"\n") == 1
    assert data.endswith(b"\n")


@given(METAS)
def test_meta_is_always_short_and_keeps_what_identifies(meta: Meta) -> None:
    data = meta_bytes(meta)
    assert len(data) < 500
    found = decoded(Meta, json.loads(data), "path")
    cut = {"command", "cwd", "interpreter", "env_file"}
    for field in Meta.fields:
        before, after = getattr(meta, field), getattr(found, field)
        if field not in cut or before is None:
            assert after == before
        elif after != before:
            assert after.endswith("...")
            assert before.startswith(after[:-3])
    assert data.isascii()
    assert data.count(b"\n") == 1


@given(METAS)
def test_meta_that_is_short_is_kept_whole(meta: Meta) -> None:
    whole = object_bytes(encoded(meta))
    if len(whole) < 500:
        assert meta_bytes(meta) == whole


@pytest.mark.parametrize("letter", ["x", "é", "\udcff", "\U0001f600", '"'])
def test_meta_cuts_no_more_than_it_must(letter: str) -> None:
    data = meta_bytes(replace(META, command=letter * 1000))
    assert 500 - 16 <= len(data) < 500  # 12 bytes are the longest that JSON makes of one


def test_meta_cuts_the_command_before_the_directory() -> None:
    found = json.loads(meta_bytes(replace(META, command="c" * 400, cwd="/" + "d" * 200)))
    assert found["cwd"] == "/" + "d" * 200
    assert found["command"].endswith("...")


def test_meta_keeps_keys_of_a_later_release() -> None:
    meta = replace(META, other={"later": [1, {"a": None}]})
    assert decoded(Meta, json.loads(meta_bytes(meta)), "path") == meta


def test_a_key_of_a_later_release_may_hold_what_no_program_could_be_given() -> None:
    odd = {"later": "\0\udfff"}
    spec = replace(SPEC, restart=Restart(other=odd), other=odd)
    assert decoded(Spec, json.loads(object_bytes(encoded(spec))), "path") == spec


def test_files_are_written_and_read_again(home: Home) -> None:
    write_meta(home, META)
    write_spec(home, SPEC)
    assert read_meta(home, "web") == META
    assert decoded(Spec, read_object(home.file("web", "spec.json")), "") == SPEC


def test_spec_needs_only_name_argv_command_and_cwd() -> None:
    values = {"name": "web", "argv": ["sleep", "9"], "command": "sleep 9", "cwd": "/"}
    assert decoded(Spec, values, "path") == SPEC
    for key in values:
        rest = {other: value for other, value in values.items() if other != key}
        with pytest.raises(Broken, match=f"^path: {key} is missing"):
            decoded(Spec, rest, "path")


def test_meta_needs_all_but_identity() -> None:
    values = encoded(META)
    assert decoded(Meta, values, "path") == META
    for key in values:
        rest = {other: value for other, value in values.items() if other != key}
        if key in ("ticks", "boot", "health", "due"):
            assert decoded(Meta, rest, "path") == META
        else:
            with pytest.raises(Broken, match=f"^path: {key} is missing"):
                decoded(Meta, rest, "path")


@given(key=st.sampled_from(list(Spec.fields)[:-1]), value=JSON)
def test_spec_value_of_a_wrong_type_is_told_and_nothing_else_is_raised(
    key: str, value: object
) -> None:
    values = json.loads(object_bytes({**encoded(SPEC), key: value}))
    try:
        found = decoded(Spec, values, "path")
    except Broken as broken:
        assert str(broken).startswith("path: ")  # noqa: PT017
    else:
        is_part = isinstance(getattr(SPEC, key), Record)  # written without its defaults
        assert is_part or encoded_json(found) == {**encoded_json(SPEC), **values}


def encoded_json(spec: Spec) -> dict[str, object]:
    found: dict[str, object] = json.loads(object_bytes(encoded(spec)))
    return found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tsm_id", True),
        ("tsm_id", 1.0),
        ("tsm_id", "1"),
        ("pid", "1"),
        ("start_time", False),
        ("start_time", "now"),
        ("name", None),
        ("command", ["a"]),
    ],
)
def test_meta_value_of_a_wrong_type_is_told_with_the_value(key: str, value: object) -> None:
    with pytest.raises(Broken, match=f"^path: {key} is ") as broken:
        decoded(Meta, {**encoded(META), key: value}, "path")
    assert json.dumps(value) in str(broken.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tsm_id", 0),
        ("tsm_id", 2**53),
        ("pid", -5),
        ("pid", 0),
        ("port", 70000),
        ("status", "weird"),
        ("start_time", -1.0),
        ("start_time", 1e300),
        ("start_time", float("nan")),
        ("restarts", -3),
        ("unstable_restarts", -1),
        ("ticks", -1),
        ("health", "foo"),
        ("due", float("inf")),
    ],
)
def test_meta_value_out_of_its_range_is_told_with_the_value(
    home: Home, key: str, value: object
) -> None:
    path = home.file("web", "meta.json")
    atomic.replace(path, object_bytes({**encoded(META), key: value}))
    with pytest.raises(Broken, match=f"^{path}: {key} is ") as broken:
        read_meta(home, "web")
    assert str(value) in str(broken.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("argv", "sleep 9", '"sleep 9": should be a list of strings'),
        ("argv", ["a", 1], '["a", 1]: should be a list of strings'),
        ("argv", ["a\0b"], "should be a list of strings that a program can be given, without NUL"),
        ("cwd", "/\ud800", "should be a string that a program can be given, without NUL"),
        ("cwd", None, "null: should be a string"),
        ("port", "80", '"80": should be an integer or null'),
        ("stop_timeout_s", [], "[]: should be a number"),
        ("clean_env", 1, "1: should be true or false"),
        ("env", {"A": 1}, '{"A": 1}: should be an object of strings'),
        ("restart", [], "[]: should be an object"),
    ],
)
def test_a_value_of_a_wrong_type_is_told_in_words_of_json(
    key: str, value: object, said: str
) -> None:
    with pytest.raises(Broken) as broken:
        decoded(Spec, {**encoded_json(SPEC), key: value}, "path")
    assert str(broken.value).endswith(said)


def test_an_integer_will_do_for_seconds() -> None:
    assert decoded(Meta, {**encoded(META), "start_time": 1}, "path").start_time == 1


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"1", b"null", b'{"a":1}x', b"\xff", b"\0", b"[" * 100_000]
)
def test_bytes_that_are_no_object_are_told_with_the_path(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "meta.json"
    path.write_bytes(data)
    with pytest.raises(Broken, match=f"^{path}: not "):
        read_object(str(path))


def test_what_cannot_be_read_is_told_with_the_path(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path, tmp_path / "file" / "below"):
        (tmp_path / "file").touch()
        with pytest.raises(Broken, match=f"^{path}: "):
            read_object(str(path))
