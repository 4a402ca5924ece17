"""tsm events: what has happened to all, now and from now on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.files import Files
from tests.following import following
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running import Tsm

# 2020-01-01, -02 and -03, each at noon
DAYS = ("2020-01-01", "2020-01-02", "2020-01-03")
NOONS = (1577880000, 1577966400, 1578052800)


def day_file(tsm: Tsm, day: str) -> Path:
    """Where the events of a day are, whether there were any or not."""
    folder = tsm.home / "db/events"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{day}.jsonl"


def event(time_s: float, name: str = "old") -> dict[str, Any]:
    """A start."""
    return {"time": time_s, "event": "start", "name": name, "run": "0" * 16, "pid": 1}


def line(time_s: float, name: str = "old") -> bytes:
    """A start, as it stands in the journal."""
    return json.dumps(event(time_s, name)).encode() + b"\n"


def append(path: Path, data: bytes) -> None:
    """Write as a command does."""
    with path.open("ab", buffering=0) as file:
        file.write(data)


def old_days(tsm: Tsm) -> None:
    """A journal of three days, one event each."""
    for day, noon_s in zip(DAYS, NOONS, strict=True):
        day_file(tsm, day).write_bytes(line(noon_s))


def times(tsm: Tsm, *argv: str) -> list[float]:
    """When it happened."""
    return [row["time"] for row in tsm("events", *argv).rows]


def test_a_journal_without_events_is_empty(tsm: Tsm) -> None:
    result = tsm("events")
    assert (result.out, result.err) == ("", "")


def test_all_that_happens_is_told_oldest_first(tsm: Tsm, gate: Gate) -> None:
    web = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    job = tsm("start", gate.command, "--name", "job", "--restart", "no").row["pid"]
    gate.open(3)
    Files(tsm.home, "job").await_event("crash")
    tsm("restart", "web")
    tsm("stop", "web")
    tsm("delete", "job")
    rows = tsm("events").rows
    assert [(row["name"], row["event"]) for row in rows] == [
        ("web", "start"),
        ("job", "start"),
        ("job", "crash"),
        ("web", "stop"),
        ("web", "restart"),
        ("web", "stop"),
        ("job", "delete"),
    ]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert (rows[0]["pid"], rows[1]["pid"]) == (web, job)
    assert (rows[2]["code"], rows[2]["run"]) == (3, rows[1]["run"])
    assert (rows[3]["code"], rows[3]["signal"]) == (143, "SIGTERM")
    assert rows[4]["restarts"] == 1
    assert set(rows[6]) == {"time", "event", "name"}


def test_an_event_is_printed_as_it_stands_in_the_journal(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    (path,) = (tsm.home / "db/events").iterdir()
    assert tsm("events").rows == [json.loads(text) for text in path.read_text().splitlines()]
    assert path.stem == time.strftime("%Y-%m-%d", time.gmtime(tsm("events").row["time"]))


def test_keys_and_events_of_a_later_release_are_passed_on(tsm: Tsm) -> None:
    later = {"time": NOONS[0], "event": "teleport", "name": "web", "to": ["moon", {"x": None}]}
    day_file(tsm, DAYS[0]).write_text(json.dumps(later) + "\n")
    assert tsm("events").rows == [later]
    assert "teleport" in tsm("events", "--table").out


def test_days_come_one_after_the_other(tsm: Tsm) -> None:
    old_days(tsm)
    assert times(tsm) == list(NOONS)


@pytest.mark.parametrize(
    ("since", "count"),
    [
        ("2020-01-01", 3),
        ("2020-01-02", 2),
        ("2020-01-02T12:00", 2),
        ("2020-01-02T12:00:01", 1),
        ("2020-01-02T14:00:00+02:00", 2),
        ("2020-01-02T11:00:00-02:00", 1),
        ("2020-01-03T12:00:00Z", 1),
        ("1h", 0),
        ("99999d", 3),
        ("9" * 400 + "d", 3),
        ("0", 0),
    ],
)
def test_since_leaves_out_what_was_before(tsm: Tsm, since: str, count: int) -> None:
    old_days(tsm)
    assert times(tsm, "--since", since) == list(NOONS[3 - count :])


@pytest.mark.parametrize("since", ["yesterday", "", "12:30", "2020-13-01", "1x", "-1h"])
def test_a_since_that_is_no_time_is_2(tsm: Tsm, since: str) -> None:
    old_days(tsm)
    result = tsm("events", f"--since={since}", ok=False)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage\n",
        b'{"time":1577880000,"event":"sta\n',
        b"\n",
        b"[]\n",
        b"{}\n",
        b"\xff\xfe\n",
        b"\0" * 4096 + b"\n",
        b'{"time":"noon","event":"start","name":"web"}\n',
        b'{"time":NaN,"event":"start","name":"web"}\n',
        b"[" * 100_000 + b"\n",
        b'{"time":1,"event":"start"}\n',
    ],
)
def test_a_line_that_is_no_event_is_passed_over(tsm: Tsm, garbage: bytes) -> None:
    day_file(tsm, DAYS[0]).write_bytes(line(NOONS[0]) + garbage + line(NOONS[0] + 1))
    for form in ("--json", "--table"):
        result = tsm("events", form)
        assert (len(result.out.splitlines()), result.err) == (2, "")


@pytest.mark.parametrize("time_s", ["1e300", "-1e300", "1e15", "-1e15"])
def test_a_time_beyond_the_calendar_breaks_nothing(tsm: Tsm, time_s: str) -> None:
    odd = b'{"time":%s,"event":"start","name":"web"}\n' % time_s.encode()
    day_file(tsm, DAYS[0]).write_bytes(odd + line(NOONS[0]))
    assert "old" in tsm("events", "--table").out
    assert "old" in tsm("events", "--json").out


def test_a_line_torn_by_a_crash_costs_itself_alone(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    (path,) = (tsm.home / "db/events").iterdir()
    append(path, b'{"time":1577880000,"event":"sta')
    assert [row["event"] for row in tsm("events").rows] == ["start"]
    tsm("stop", "web")
    assert [row["event"] for row in tsm("events").rows] == ["start", "stop"]


def test_people_read_lines_in_utc(tsm: Tsm) -> None:
    day_file(tsm, DAYS[0]).write_bytes(line(NOONS[0] + 0.25))
    shown = tsm.on_terminal("events", env={"NO_COLOR": "1", "TZ": "Asia/Tokyo"}).out
    assert shown.startswith("2020-01-01 12:00:00.250  start         old  ")
    assert "pid=1" in shown


def test_lines_for_people_are_coloured_on_a_terminal_alone(tsm: Tsm) -> None:
    old_days(tsm)
    assert "\x1b[" in tsm.on_terminal("events").out
    assert "\x1b[" not in tsm.on_terminal("events", env={"NO_COLOR": "1"}).out
    assert "\x1b[" not in tsm("events", "--table").out


def test_control_characters_are_escaped_for_people(tsm: Tsm) -> None:
    evil = {"time": NOONS[0], "event": "\x1b[31mred", "name": "\x07", "reason": "a\nb\x1b]0;x"}
    day_file(tsm, DAYS[0]).write_text(json.dumps(evil) + "\n")
    shown = tsm("events", "--table").out
    assert len(shown.splitlines()) == 1
    assert not set("\x1b\x07") & set(shown)


def test_new_events_are_followed(tsm: Tsm) -> None:
    old_days(tsm)
    with following(tsm, "events", "-f", "--since", "2020-01-02") as follower:
        eventually(lambda: follower.out.count(b"\n") == 2)
        tsm("start", "sleep 1000", "--name", "web")
        eventually(lambda: follower.out.count(b"\n") == 3)
        tsm("delete", "web")
        eventually(lambda: follower.out.count(b"\n") == 5)
        rows = [json.loads(text) for text in follower.out.splitlines()]
    assert [row["event"] for row in rows] == ["start", "start", "start", "stop", "delete"]


def test_a_line_is_followed_once_and_when_it_is_whole(tsm: Tsm) -> None:
    old_days(tsm)
    path = day_file(tsm, DAYS[2])
    with following(tsm, "events", "-f", "--since", "2020-01-03T13:00") as follower:
        append(path, line(NOONS[2] + 4000)[:20])
        append(day_file(tsm, DAYS[1]), line(NOONS[2] + 5000))
        eventually(lambda: follower.out.count(b"\n") == 1)
        append(path, line(NOONS[2] + 4000)[20:])
        eventually(lambda: follower.out.count(b"\n") == 2)
        append(path, b"garbage\n" + line(NOONS[2] + 6000))
        eventually(lambda: follower.out.count(b"\n") == 3)
        rows = [json.loads(text) for text in follower.out.splitlines()]
    assert [row["time"] - NOONS[2] for row in rows] == [5000, 4000, 6000]


def test_a_new_day_is_followed(tsm: Tsm) -> None:
    day_file(tsm, DAYS[0]).write_bytes(line(NOONS[0]))
    with following(tsm, "events", "-f") as follower:
        eventually(lambda: follower.out.count(b"\n") == 1)
        day_file(tsm, DAYS[1]).write_bytes(line(NOONS[1]))
        eventually(lambda: follower.out.count(b"\n") == 2)
        append(day_file(tsm, DAYS[0]), line(NOONS[0] + 1))
        eventually(lambda: follower.out.count(b"\n") == 3)


def test_following_can_begin_before_there_is_a_home(tsm: Tsm) -> None:
    with following(tsm, "events", "-f") as follower:
        tsm("start", "sleep 1000", "--name", "web")
        eventually(lambda: follower.out.count(b"\n") == 1)


def test_following_ends_with_its_reader_though_nothing_more_happens(tsm: Tsm) -> None:
    old_days(tsm)
    result = tsm.shell("tsm events -f | head -2 | wc -l; echo over")
    assert result.out.split() == ["2", "over"]


def test_following_ends_quietly_and_with_0_when_its_reader_goes(tsm: Tsm) -> None:
    old_days(tsm)
    program = tsm.spawn("events", "-f")
    assert program.stdout is not None
    assert json.loads(program.stdout.readline())["time"] == NOONS[0]
    program.stdout.close()
    assert program.wait(30) == 0
    assert program.stderr is not None
    assert program.stderr.read() == ""


def test_looking_writes_nothing(tsm: Tsm) -> None:
    tsm("events", env={"TSM_HOME": str(tsm.cwd / "nowhere")})
    assert not (tsm.cwd / "nowhere").exists()


def test_a_folder_among_the_days_is_said_in_one_line(tsm: Tsm) -> None:
    old_days(tsm)
    (tsm.home / "db/events/2020-01-04.jsonl").mkdir()
    result = tsm("events", ok=None)
    assert [row["time"] for row in result.rows] == list(NOONS)
    assert len(result.err.splitlines()) <= 1
