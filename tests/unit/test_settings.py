"""The table of settings: every key leads to a field, every bad value is told with what would do."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.policy import settings, values
from tsm.policy.settings import SETTINGS
from tsm.record import Record
from tsm.spec import Spec
from tsm.store.documents import decoded, encoded, object_bytes

SPEC = Spec(name="web", argv=("sleep", "9"), command="sleep 9", cwd="/")
WRITTEN = json.loads(object_bytes(encoded(SPEC)))
BEYOND = "9" * 400  # more than a float can hold

# Of every key, texts that are no value of it, and one that is.
TIME = (["", "x", "-1", "1w", "1e3", "nan", BEYOND], "0.7m")
COUNT = (["", "x", "-1", "1.5", BEYOND, "9" * 5000], "7")
PROBE = (
    *(["", "ftp://x", "tcp:", "tcp:0", "tcp:a b:1", "http://", "http://a b", "log:", "log:("],),
    "http://localhost:3000/health?deep=1",
)
TEXT = (["", " "], "echo $TSM_EVENT")
FLAG = (["", "maybe", "2"], "yes")
GOOD_AND_BAD: dict[str, tuple[list[str], str]] = {
    "restart": (["", "never"], "on-failure"),
    "success-codes": (["", "x", "256", "1,,2", "-1"], "0,3"),
    "max-memory": (["", "0", "x", "-1M", "1X", BEYOND], "200M"),
    "max-cpu": (["", "0", "x", "-1", "1e3"], "80%"),
    "nice": (["", "x", "-21", "20", "1.5", BEYOND], "-5"),
    "oom-score-adj": (["", "x", "-1001", "1001"], "-1000"),
    "rlimit": (["", "x", "nofile", "nofile=", "=1", "files=1", "nofile=-1"], "nofile=1024:4096"),
    "user": (["", "a b", "root:root", "a/b"], "www-data"),
    "cgroup": (
        [
            *("", "memory.max", "memory=1", "../x.y=1"),
            *("cgroup.procs=1", "cgroup.kill=1", "cgroup.freeze=1", "cgroup.subtree_control=+cpu"),
        ],
        "memory.max=200M",
    ),
    "umask": (["", "x", "0888", "00022"], "0077"),
    **dict.fromkeys(
        ("ready-status", "health-status"),
        (["", "x", "99", "600", "200-", "200,,201", "400-200"], "200-299,404"),
    ),
    **dict.fromkeys(("ready-body", "health-body"), (["(", "[", "*"], "ok|fine")),
    "overlap": (["", "twice"], "queue"),
    **dict.fromkeys(
        ("out", "err"),
        (["", " ", "web.log", "/var/log/", "/dev/stdout", "/proc/self/fd/1"], "/var/log/web.log"),
    ),
    "log-size": (["", "x", "-1", "100", BEYOND], "10M"),
    "log-rotate": (["", "weekly", "daily@24", "daily@", "hourly@3", "size@1"], "daily@4"),
    "log-keep": ([*COUNT[0], "1000001"], "0"),
    "log-total": (["", "x", "-1", BEYOND], "1G"),
    "log-compress": (["", "xz"], "gzip"),
    "watch": (["src", "./src"], "/srv/src"),
    "ignore": ([], "*.log"),
    "stop-signal": ([], "SIGINT"),  # which signals there are is the system's to say
    "health-retries": ([*COUNT[0], "0", "1001"], "5"),
    "max-retries": ([*COUNT[0], "1001"], "0"),
    "timezone": (TEXT[0], "Europe/Prague"),
    "group": (["", "a b"], "www-data"),
    **dict.fromkeys(("ready", "health"), PROBE),
    **dict.fromkeys(("health-restart", "run-missed", "source-maps"), FLAG),
    **dict.fromkeys(("merge-logs", "no-logs"), FLAG),
    **dict.fromkeys(("pre-start", "post-start", "pre-stop", "post-stop"), TEXT),
    **dict.fromkeys(("on-crash", "on-unhealthy"), TEXT),
    "cron-restart": (TEXT[0], "0 4 * * *"),
    "schedule": (TEXT[0], "*/5 * * * *"),
    **dict.fromkeys(
        (key for key, setting in SETTINGS.items() if setting.read is values.seconds), TIME
    ),
    "log-age": ([*TIME[0], "59"], "14d"),
}
HELPS = re.compile(r"such as [^ ]|not one of|neither yes nor no|give ")


EXAMPLE = re.compile(r"such as ([^ ]+=[^ ]+)")


def read(key: str, text: str) -> object:
    """The value that a text means, as `start` and `set` read it. Raises ValueError."""
    setting = SETTINGS[key]
    return setting.gather([text]) if setting.gather is not None else setting.read(text)


def complaint(key: str, text: str) -> str | None:
    """What is said of it, wherever it is noticed."""
    try:
        value = read(key, text)
    except ValueError as error:
        return f"{key} {error}"
    return settings.problem(settings.applied(SPEC, {key: value}))


def shown(text: str) -> str:
    """What of a bad text is found in the complaint about it; long numbers may be shortened."""
    number = re.fullmatch(r"-?0*([1-9][0-9]{0,6})", text)
    return number[1] if number else text.partition("=")[0] if len(text) < 30 else ""


@pytest.mark.parametrize("key", SETTINGS)
def test_a_bad_value_is_told_with_the_value_and_with_what_would_do(key: str) -> None:
    bad, good = GOOD_AND_BAD[key]
    for text in bad:
        said = complaint(key, text)
        assert said is not None, (key, text)
        assert said.startswith(f"{key} "), said
        assert "\n" not in said
        assert HELPS.search(said), said
        assert shown(text) in said, said
        for example in EXAMPLE.findall(said):
            assert complaint(key, example.rstrip(",")) is None, said
    assert complaint(key, good) is None


@pytest.mark.parametrize("key", SETTINGS)
def test_a_value_stands_in_its_field_and_is_written_and_read_again(key: str) -> None:
    setting = SETTINGS[key]
    value = read(key, GOOD_AND_BAD[key][1])
    spec = settings.applied(SPEC, {key: value})
    assert settings.value_of(spec, setting) == value
    assert settings.default(setting) == settings.value_of(SPEC, setting) != value
    data = object_bytes(encoded(spec))
    assert decoded(Spec, json.loads(data), "path") == spec
    back = settings.applied(spec, {key: settings.default(setting)})
    assert back == SPEC
    assert json.loads(object_bytes(encoded(back))) == json.loads(object_bytes(encoded(SPEC)))


def test_every_field_of_a_part_has_one_key() -> None:
    parts = [
        (field, part)
        for field, part in ((field, getattr(SPEC, field)) for field in Spec.fields)
        if isinstance(part, Record)
    ]
    fields = [f"{name}.{field}" for name, part in parts for field in type(part).fields]
    keyed = [setting.field for setting in SETTINGS.values() if "." in setting.field]
    for_health_alone = {"ready.retries", "ready.start_period_s", "ready.restart"}
    assert sorted(keyed) == sorted(
        field for field in fields if not field.endswith(".other") and field not in for_health_alone
    )


def test_changes_of_a_part_keep_what_a_later_release_has_added_to_it() -> None:
    spec = decoded(Spec, {**WRITTEN, "limits": {"nice": 3, "later": [1]}}, "path")
    spec = settings.applied(spec, {"max-memory": 1024, "nice": 4})
    assert encoded(spec)["limits"] == {"max_memory_bytes": 1024, "nice": 4, "later": [1]}


@given(st.text("0123456789.-+kKMGTibBmshd %enaf\N{ARABIC-INDIC DIGIT ONE}", max_size=12))
def test_numbers_with_units_are_read_or_refused_and_nothing_else_is_raised(text: str) -> None:
    for key in ("max-memory", "delay", "nice", "max-cpu", "max-retries", "success-codes", "umask"):
        said = complaint(key, text)
        assert said is None or said.startswith(f"{key} ")


@given(
    number=st.integers(0, 10**6), unit=st.sampled_from("KMGT"), suffix=st.sampled_from(["", "iB"])
)
def test_a_size_is_its_number_times_a_power_of_1024(number: int, unit: str, suffix: str) -> None:
    factor = 1024 ** ("KMGT".index(unit) + 1)
    assert values.size(f"{number}{unit}{suffix}") == number * factor
    assert values.size(f"{number}{unit.lower()}") == number * factor
    assert values.size(f"{number}.5{unit}") == number * factor + factor // 2
    assert values.size(str(number)) == number


@given(
    number=st.integers(0, 10**6),
    unit=st.sampled_from([("s", 1), ("m", 60), ("h", 3600), ("d", 86400)]),
)
def test_a_time_is_its_number_times_its_unit(number: int, unit: tuple[str, int]) -> None:
    word, factor = unit
    assert values.seconds(f"{number}{word}") == number * factor
    assert values.seconds(f"{number * 1000}ms") == pytest.approx(number)
    assert values.seconds(str(number)) == number
