"""The settings of the toolkit: config.toml in the home."""

from __future__ import annotations

import os
import stat

from tsm import quantities
from tsm.errors import Broken
from tsm.record import Record, changed
from tsm.spec import (
    COMPRESSIONS,
    LOG_AGE_S,
    LOG_BYTES,
    LOGS_BYTES,
    LOGS_KEPT,
    Logs,
    is_rotation,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tsm.store.home import Home

RESIDENT, CRON = "resident", "cron"
_MOST_BYTES = 1 << 20
_DAY_S = 86400.0
_NO_BOUND = 1 << 60


class Config(Record):
    """What a user has set for all processes of a home."""

    patrol: str = RESIDENT  # or CRON: whether `start` brings a patrol up that stays
    max_processes: int | None = None  # that the home may define; None: any number
    metrics_interval_s: float = 60.0  # between two samples; 0: there are none
    metrics_days: int = 14  # that samples are kept
    crash_reports: int = 50  # that are kept of one process
    crash_bytes: int = 10 << 20  # that all reports of one process may take together
    logs: Logs = Logs()  # for processes that have no settings of their own
    logs_total_bytes: int | None = None  # that all rotated files of the home may have
    disk_free_bytes: int | None = None  # below which rotated files are removed


# What holds where the file makes no sense: the defaults, but nothing is removed that it may keep.
CAREFUL = Config(crash_reports=_NO_BOUND, crash_bytes=_NO_BOUND, logs=Logs(keep=_NO_BOUND))


def path(home: Home) -> str:
    """Where the file lies; it need not be there."""
    return f"{home.root}/config.toml"


def read(home: Home) -> Config:
    """The settings; those of nobody who has written none. Raises Broken with path and key.

    Keys that are not known belong to a later release and are ignored.
    """
    where = path(home)
    data = _bytes(where)
    if data is None:
        return Config()
    import tomllib  # its import is dear, and most homes have no such file

    try:
        values = tomllib.loads(data.decode())
    except ValueError as error:  # bad UTF-8 is a ValueError as well
        message = f"{where}: not TOML: {error}"
        raise Broken(message) from None
    found = _known(values, where)
    logs = {key.removeprefix("logs."): found.pop(key) for key in list(found) if "." in key}
    return changed(Config(logs=changed(Logs(), **logs)), **found)


def _known(values: Mapping[str, object], where: str) -> dict[str, object]:
    found = {}
    for key, (field, accepted, example) in _KEYS.items():
        if key not in values:
            continue
        try:
            found[field] = accepted(values[key])
        except ValueError:
            message = f"{where}: {key} = {values[key]!r}: should be {example}"
            raise Broken(message) from None
    return found


def _bytes(where: str) -> bytes | None:
    """The content; None if there is no file. What is none, such as a FIFO, keeps nobody waiting."""
    try:
        fd = os.open(where, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{where}: {error.strerror}"
        raise Broken(message) from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            message = f"{where}: not a regular file"
            raise Broken(message)
        return os.read(fd, _MOST_BYTES)
    finally:
        os.close(fd)


def _word(*words: str) -> Callable[[object], str]:
    """A reader of one of these."""

    def word(value: object) -> str:
        if value not in words:
            raise ValueError
        return str(value)

    return word


def _count(least: int, most: int = _NO_BOUND) -> Callable[[object], int]:
    """A reader of whole numbers within these."""

    def count(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError
        return value

    return count


def _size(least: int, most: int = _NO_BOUND) -> Callable[[object], int]:
    """A reader of numbers of bytes within these."""
    count = _count(least, most)
    return lambda value: count(quantities.size(value) if isinstance(value, str) else value)


def _time(least_s: float, most_s: float) -> Callable[[object], float]:
    """A reader of times within these."""

    def time(value: object) -> float:
        given = quantities.seconds(value) if isinstance(value, str) else value
        if type(given) not in (int, float) or not least_s <= float(str(given)) <= most_s:
            raise ValueError  # a bool would be an int as well, and not a number lies nowhere
        return float(str(given))

    return time


def _interval(value: object) -> float:
    interval_s = _time(0.0, _DAY_S)(value)
    if 0.0 < interval_s < 1.0:
        raise ValueError
    return interval_s


def _rotation(value: object) -> str:
    if not is_rotation(str(value)):
        raise ValueError
    return str(value)


_KEYS: dict[str, tuple[str, Callable[[object], object], str]] = {
    "patrol": ("patrol", _word(RESIDENT, CRON), '"resident" or "cron"'),
    "max_processes": ("max_processes", _count(1), "a number from 1 on, such as 100"),
    "metrics_interval": ("metrics_interval_s", _interval, '0, or 1s to 1d, such as "60s"'),
    "metrics_days": ("metrics_days", _count(1), "a number of days from 1 on, such as 14"),
    "crash_reports": ("crash_reports", _count(0), "a number from 0 on, such as 50"),
    "crash_bytes": ("crash_bytes", _size(1), 'a size, such as "10M"'),
    "log_size": ("logs.size_bytes", _size(*LOG_BYTES), 'a size from 4k on, such as "10M"'),
    "log_rotate": ("logs.rotate", _rotation, '"size", "hourly" or such as "daily@4"'),
    "log_keep": ("logs.keep", _count(*LOGS_KEPT), "a number from 0 on, such as 30"),
    "log_age": ("logs.age_s", _time(*LOG_AGE_S), 'a time from 60 s on, such as "14d"'),
    "log_total": ("logs.total_bytes", _size(*LOGS_BYTES), 'a size, such as "1G"'),
    "log_compress": ("logs.compress", _word(*COMPRESSIONS), '"none", "gzip" or "zstd"'),
    "logs_total": ("logs_total_bytes", _size(1), 'a size, such as "10G"'),
    "disk_free": ("disk_free_bytes", _size(1), 'a size, such as "1G"'),
}
