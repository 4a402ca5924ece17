"""When a schedule comes round.

Expressions are those of cron, evaluated by cronsim as Debian's cron does it: what is set for
an hour that the clocks skip runs right after it, and what is set for an hour that comes twice
runs once. With six fields, the first is of seconds, and the clocks are taken at their word.
"""

from __future__ import annotations

from tsm.quantities import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from tsm.spec import Schedule

_EXAMPLE = "give one such as '0 4 * * *', or with seconds first '*/30 * * * * *'"
_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")


def problem(schedule: Schedule) -> str | None:
    """What is wrong with the schedule, by field; None if nothing, or if nothing is scheduled."""
    from tsm.spec import OVERLAPS

    expressions = (("cron-restart", schedule.cron_restart), ("schedule", schedule.job))
    given = [(key, text) for key, text in expressions if text is not None]
    checks = [(key, expression(text)) for key, text in given]
    if given and schedule.timezone is not None:
        checks.append(("timezone", zone(schedule.timezone)))
    if given and schedule.overlap not in OVERLAPS:
        checks.append(("overlap", f"{schedule.overlap!r}: not one of {', '.join(OVERLAPS)}"))
    return next((f"{key} {what}" for key, what in checks if what is not None), None)


def expression(value: object) -> str | None:
    """What is wrong with a cron expression."""
    text = str(value)
    count = len(text.split())
    if count not in (5, 6):
        return f"{text!r}: has {counted(count, 'field')}, not 5 or 6, {_EXAMPLE}"
    from datetime import UTC, datetime

    from cronsim import CronSim, CronSimError

    try:
        next(CronSim(text, datetime(2000, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return f"{text!r}: {_complaint(text.split(), str(error))}, {_EXAMPLE}"
    except StopIteration:
        return f"{text!r}: never comes, {_EXAMPLE}"
    return None


def zone(value: object) -> str | None:
    """What is wrong with the name of a time zone."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: it is a directory of zones
        return f"{value!r}: no such time zone, give one such as Europe/Prague or UTC"
    return None


def next_time(text: str, after_s: float, timezone: str | None) -> float | None:
    """The first time after `after_s`, in seconds since the epoch; None if there is none.

    None as the time zone is that of the machine. A time is a whole second, and later than
    `after_s` by the real clock, whatever people do to theirs.
    """
    from datetime import datetime

    from cronsim import CronSim, CronSimError

    try:
        times: Iterable[datetime] = CronSim(text, datetime.fromtimestamp(after_s, _zone(timezone)))
        # In the second of two equal hours, cronsim begins with times of the first.
        return next((at.timestamp() for at in times if at.timestamp() > after_s), None)
    except (CronSimError, OverflowError):
        return None


def _complaint(fields: list[str], said: str) -> str:
    """What cronsim complains of, with the field that it is about."""
    names = ("second", *_FIELDS) if len(fields) == 6 else _FIELDS
    name = said.removeprefix("Bad ")
    return f"{name} {fields[names.index(name)]!r} makes no sense" if name in names else said.lower()


def _zone(name: str | None) -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name) if name is not None else _local()


def _local() -> tzinfo:
    """The zone of the machine, with its past and its future: `astimezone` gives one offset only."""
    from datetime import UTC, datetime, timedelta, tzinfo

    class Local(tzinfo):
        def utcoffset(self, at: datetime | None) -> timedelta | None:
            return None if at is None else at.replace(tzinfo=None).astimezone().utcoffset()

        def dst(self, _at: datetime | None) -> timedelta | None:
            return None

        def tzname(self, at: datetime | None) -> str | None:
            return None if at is None else at.replace(tzinfo=None).astimezone().tzname()

        def fromutc(self, at: datetime) -> datetime:
            instant_s = at.replace(tzinfo=UTC).timestamp()
            return datetime.fromtimestamp(instant_s).replace(tzinfo=self)  # noqa: DTZ006 - the machine's

    return Local()
