"""config.toml: what it may say, and what is told of the rest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tsm.errors import Broken, Refused
from tsm.policy.settings import SETTINGS, value_of
from tsm.record import changed
from tsm.spec import Spec
from tsm.store import config, definitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tsm.policy.setting import Setting
    from tsm.store.home import Home

SPEC = Spec("web", ("sleep", "9"), "sleep 9", "/srv")
WHOLE = """
patrol = "cron"
max_processes = 2
metrics_interval = "5m"
metrics_days = 7
crash_reports = 0
crash_bytes = "1M"
of_a_later_release = true
"""


def test_nobody_has_to_write_one(place: Home) -> None:
    assert config.read(place) == config.Config()


def test_each_key_is_read_and_those_of_a_later_release_are_not(place: Home) -> None:
    Path(config.path(place)).write_text(WHOLE)
    assert config.read(place) == config.Config("cron", 2, 300.0, 7, 0, 1 << 20)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("patrol = 'systemd'", 'patrol = \'systemd\': should be "resident" or "cron"'),
        ("patrol = 1", "patrol = 1: should be"),
        ("max_processes = 0", "max_processes = 0: should be a number from 1 on, such as 100"),
        ("max_processes = true", "max_processes = True: should be"),
        ("max_processes = '5'", "max_processes = '5': should be"),
        ("metrics_interval = 'often'", "metrics_interval = 'often': should be 0, or 1s to 1d"),
        ("metrics_interval = nan", "metrics_interval = nan: should be"),
        ("metrics_days = -1", "metrics_days = -1: should be"),
        ("crash_bytes = '10 apples'", "crash_bytes = '10 apples': should be a size, such as"),
        ("patrol = ", "not TOML"),
    ],
)
def test_a_bad_value_is_told_with_path_key_and_example(place: Home, line: str, said: str) -> None:
    path = Path(config.path(place))
    path.write_text(f"{line}\n")
    with pytest.raises(Broken) as told:
        config.read(place)
    assert str(told.value).startswith(f"{path}: {said}")


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("size", ["4k", "1G"], ["4095", "much"]),
        ("rotate", ["size", "hourly", "daily", "daily@4", "daily@04"], ["daily@24", "hourly@4"]),
        ("keep", [0, 1_000_000], [-1, 1_000_001]),
        ("age", ["60s", "14d"], ["59s", "40000d"]),
        ("total", ["0", "1G"], ["many"]),
        ("compress", ["none", "gzip", "zstd"], ["xz"]),
    ],
)
def test_what_holds_for_all_logs_is_what_may_be_set_for_one(
    place: Home, key: str, good: list[str | int], bad: list[str | int]
) -> None:
    path, setting = Path(config.path(place)), SETTINGS[f"log-{key}"]
    for value in good:
        path.write_text(f"log_{key} = {value!r}\n")
        found = value_of(changed(SPEC, logs=config.read(place).logs), setting)
        assert found == setting.read(str(value))
        assert complaint(setting, str(value)) is None
    for value in bad:
        path.write_text(f"log_{key} = {value!r}\n")
        with pytest.raises(Broken, match=f"log_{key}"):
            config.read(place)
        assert complaint(setting, str(value))


def complaint(setting: Setting, text: str) -> str | None:
    """What a command line says to it."""
    try:
        return setting.problem(setting.read(text))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_told_at_once(place: Home, make: Callable[[str], None]) -> None:
    make(config.path(place))
    with pytest.raises(Broken, match="not a regular file"):
        config.read(place)


def test_no_more_processes_are_made_than_it_allows(place: Home) -> None:
    Path(config.path(place)).write_text("max_processes = 2\n")
    for name in ("a", "b"):
        definitions.create(place, changed(SPEC, name=name), {})
    with pytest.raises(Refused, match=r"config\.toml says max_processes = 2, and the home has 2"):
        definitions.create(place, SPEC, {})
    assert sorted(path.name for path in Path(place.processes).iterdir()) == ["a", "b"]
    definitions.remove(place, "a")
    assert definitions.create(place, SPEC, {}).tsm_id == 3
