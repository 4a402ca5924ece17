"""The journal: no event is lost or told twice, and a torn line costs itself alone."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.store import atomic, journal
from tsm.store.home import Home, prepare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOON_S = 1577880000.0  # of 2020-01-01
MIDNIGHT_S = NOON_S + 43200
RUN = "0123456789abcdef"


class Clock:
    """What time it is, for the journal."""

    now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still until it is set."""
    one = Clock()
    monkeypatch.setattr("time.time", one)
    return one


@pytest.fixture
def place(tmp_path: Path, clock: Clock) -> Home:
    """A home at that time."""
    assert clock.now_s == NOON_S
    home = Home(str(tmp_path))
    tmp_path.chmod(0o700)
    prepare(home)
    return home


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of events."""
    return tmp_path_factory.mktemp("journal") / "2020-01-01.jsonl"


def day(place: Home, name: str = "2020-01-01") -> str:
    """The file of a day."""
    return f"{place.events}/{name}.jsonl"


def told(path: str) -> list[str]:
    """The events of a file, by what happened."""
    return [event["event"] for event, _ in journal.events(path)]


def appended(path: str, data: bytes) -> None:
    """Have this at the end of a file."""
    with open(path, "ab") as file:  # noqa: PTH123 - paths are text here
        file.write(data)


def killed_between_the_files(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do it, but for what comes after the first append."""
    append = atomic.append
    paths: list[str] = []

    class Killed(BaseException):
        pass

    def first_only(path: str, line: bytes) -> None:
        if paths:
            raise Killed
        paths.append(path)
        append(path, line)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "append", first_only)
        with pytest.raises(Killed):
            act()


# Writing.


def test_an_event_stands_in_the_day_and_in_the_history(place: Home) -> None:
    journal.record(place, "web", "start", {"run": RUN, "pid": 7})
    expected = {"time": NOON_S, "event": "start", "name": "web", "run": RUN, "pid": 7}
    for path in (day(place), journal.history_file(place, "web")):
        assert [event for event, _ in journal.events(path)] == [expected]


def test_a_day_is_one_of_utc(place: Home, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    clock.now_s = MIDNIGHT_S - 0.001
    journal.record(place, "web", "start", {"run": RUN})
    clock.now_s = MIDNIGHT_S - 0.0001  # rounded to a millisecond, this is the next day
    journal.record(place, "web", "stop", {"run": RUN})
    assert journal.day_files(place) == [day(place), day(place, "2020-01-02")]
    assert told(day(place, "2020-01-02")) == ["stop"]


def test_an_event_after_a_torn_line_is_whole(place: Home) -> None:
    journal.record(place, "web", "start", {"run": RUN})
    for path in (day(place), journal.history_file(place, "web")):
        appended(path, b'{"time":1,"event":"cra')
    journal.record(place, "web", "stop", {"run": RUN})
    for path in (day(place), journal.history_file(place, "web")):
        assert told(path) == ["start", "stop"]


def test_an_event_is_one_line_of_ascii(place: Home) -> None:
    odd = "caf\u00e9 \udcff\n\u2028\x00"
    journal.record(place, "web", "errored", {"run": RUN, "reason": odd})
    with open(day(place), "rb") as file:  # noqa: PTH123 - paths are text here
        data = file.read()
    assert data.isascii()
    assert data.count(b"\n") == 1
    assert json.loads(data)["reason"] == odd


# Once.


def test_what_is_recorded_once_is_not_recorded_twice(place: Home) -> None:
    for _ in range(3):
        journal.record_once(place, "web", "start", {"run": RUN, "pid": 7})
    assert told(day(place)) == told(journal.history_file(place, "web")) == ["start"]


def test_a_run_ends_once_whatever_that_is_called(place: Home) -> None:
    journal.record_once(place, "web", "crash", {"run": RUN, "code": 3})
    journal.record_once(place, "web", "stop", {"run": RUN, "code": 3})
    journal.record_once(place, "web", "stop", {"run": RUN})  # of what waited for its restart
    told = [row["event"] for row, _ in journal.events(journal.history_file(place, "web"))]
    assert told == ["crash", "stop"]


def test_once_is_once_for_each_run_and_each_event(place: Home) -> None:
    for number, name in enumerate(("web", "other", "web")):
        for event in ("start", "stop"):
            for _ in range(2):
                journal.record_once(place, name, event, {"run": f"{number:016x}"})
    assert told(day(place)) == ["start", "stop"] * 3
    assert told(journal.history_file(place, "web")) == ["start", "stop"] * 2


def test_who_was_killed_between_the_two_files_is_finished_off(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"run": RUN, "pid": 7}
    killed_between_the_files(monkeypatch, lambda: journal.record_once(place, "web", "start", facts))
    assert day(place) not in journal.day_files(place)
    journal.record_once(place, "web", "start", {"run": RUN, "pid": 7})
    assert told(day(place)) == told(journal.history_file(place, "web")) == ["start"]


def test_it_is_finished_off_with_the_line_of_the_day(
    place: Home, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"run": RUN, "code": 3}
    killed_between_the_files(monkeypatch, lambda: journal.record_once(place, "web", "crash", facts))
    clock.now_s += 100
    journal.record_once(place, "web", "crash", {"run": RUN, "code": None})
    files = (day(place), journal.history_file(place, "web"))
    first, second = ([event for event, _ in journal.events(path)] for path in files)
    assert first == second
    assert (first[0]["time"], first[0]["code"]) == (NOON_S, 3)


def test_it_is_finished_off_after_midnight_as_well(
    place: Home, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_between_the_files(
        monkeypatch, lambda: journal.record_once(place, "web", "start", {"run": RUN})
    )
    clock.now_s = MIDNIGHT_S + 60
    journal.record(place, "other", "start", {"run": RUN[::-1]})
    journal.record_once(place, "web", "start", {"run": RUN})
    assert told(journal.history_file(place, "web")) == ["start"]
    of_all_days = [event for path in journal.day_files(place) for event, _ in journal.events(path)]
    assert [event["name"] for event in of_all_days] == ["web", "other"]


def test_it_is_finished_off_though_much_has_happened_since(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_between_the_files(
        monkeypatch, lambda: journal.record_once(place, "web", "start", {"run": RUN})
    )
    for number in range(2000):
        journal.record(place, "busy", "start", {"run": f"{number:016x}", "pid": number})
    journal.record_once(place, "web", "start", {"run": RUN})
    assert told(journal.history_file(place, "web")) == ["start"]
    names = [event["name"] for event, _ in journal.events(day(place))]
    assert names.count("web") == 1


@pytest.mark.parametrize("torn_at", [1, 5, 20])
def test_a_line_that_was_torn_is_recorded_anew(place: Home, torn_at: int) -> None:
    """A full disk or a power cut may leave all of a line but its end."""
    facts: dict[str, object] = {"run": RUN, "code": 137, "uptime_s": 12.345}
    journal.record_once(place, "web", "crash", facts)
    for path in (day(place), journal.history_file(place, "web")):
        os.truncate(path, os.path.getsize(path) - torn_at)  # noqa: PTH202 - paths are text here
    journal.record_once(place, "web", "crash", facts)
    assert told(day(place)) == ["crash"]
    assert told(journal.history_file(place, "web")) == ["crash"]


def test_a_line_torn_in_the_history_alone_is_taken_from_the_day(place: Home) -> None:
    facts: dict[str, object] = {"run": RUN, "code": 137}
    journal.record_once(place, "web", "crash", facts)
    path = journal.history_file(place, "web")
    os.truncate(path, os.path.getsize(path) - 5)  # noqa: PTH202 - paths are text here
    journal.record_once(place, "web", "crash", facts)
    assert told(day(place)) == ["crash"]
    assert told(path) == ["crash"]


def test_a_line_torn_in_the_day_is_recorded_anew(place: Home) -> None:
    facts: dict[str, object] = {"run": RUN, "code": 137}
    journal.record_once(place, "web", "crash", facts)
    os.truncate(day(place), os.path.getsize(day(place)) - 5)  # noqa: PTH202 - paths are text here
    os.unlink(journal.history_file(place, "web"))  # noqa: PTH108 - paths are text here
    journal.record_once(place, "web", "crash", facts)
    assert told(day(place)) == ["crash"]
    assert told(journal.history_file(place, "web")) == ["crash"]


# Reading.


def line(event: dict[str, Any]) -> bytes:
    """The event as it stands in a file."""
    return json.dumps(event).encode() + b"\n"


events = st.fixed_dictionaries(
    {
        "time": st.floats(0, 1e10) | st.integers(0, 2**40),
        "event": st.text(st.characters(codec="utf-8")),
        "name": st.text(st.characters(codec="utf-8")),
    },
    optional={"run": st.none() | st.booleans() | st.lists(st.integers(-100, 100))},
)
garbage = st.binary(max_size=30).filter(lambda data: b"\n" not in data) | st.sampled_from(
    [b"[]", b"{}", b"null", b'{"time":"1","event":"a","name":"b"}', b'{"time":1,"event":"a"}']
)


@given(lines=st.lists(events | garbage), torn=st.booleans())
def test_what_is_no_event_is_passed_over_and_told_by_its_number(
    path: Path, lines: list[dict[str, Any] | bytes], *, torn: bool
) -> None:
    data = [one + b"\n" if isinstance(one, bytes) else line(one) for one in lines]
    path.write_bytes(b"".join(data) + (b'{"time":' if torn else b""))
    good = [one for one in lines if not isinstance(one, bytes)]
    assert [event for event, _ in journal.events(str(path))] == good
    bad = [number for number, one in enumerate(lines, 1) if isinstance(one, bytes) and one]
    assert journal.unreadable_lines(str(path)) == bad + ([len(lines) + 1] if torn else [])


@given(found=st.lists(events, min_size=1), data=st.data())
def test_reading_goes_on_where_it_was_left(
    path: Path, found: list[dict[str, Any]], data: st.DataObject
) -> None:
    whole = b"".join(map(line, found))
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    read = list(journal.events(str(path)))
    offset = read[-1][1] if read else 0
    path.write_bytes(whole)
    read += journal.events(str(path), offset)
    assert [event for event, _ in read] == found


def test_no_file_has_no_events(place: Home) -> None:
    assert list(journal.events(f"{place.events}/1999-12-31.jsonl")) == []
    assert journal.day_files(Home("/nowhere/at/all")) == []
    assert journal.history_files(Home("/nowhere/at/all")) == []


def test_days_are_sorted_and_nothing_else_is_a_day(place: Home) -> None:
    for name in ("2020-01-02.jsonl", "2019-12-31.jsonl", "notes.txt"):
        appended(f"{place.events}/{name}", b"")
    assert journal.day_files(place) == [day(place, "2019-12-31"), day(place, "2020-01-02")]


def test_events_that_could_not_be_written_are_counted_and_told_with_the_next(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, _line: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "append", full)
        for _ in range(2):
            journal.record_if_possible(place, "web", "hook", {})
        with pytest.raises(OSError, match="No space left"):
            journal.record(place, "web", "pause", {})
    assert journal.lost(place) == {f"{place.history}/web.lost": 2}
    journal.record_if_possible(place, "web", "hook", {})
    assert journal.lost(place) == {}
    for path in (journal.history_file(place, "web"), day(place)):
        told = [(event["event"], event.get("count")) for event, _ in journal.events(path)]
        assert told == [("events-lost", 2), ("hook", None)]
