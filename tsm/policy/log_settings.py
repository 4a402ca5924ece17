"""The settings of logs, rows of the table of settings: where they go, what is kept of them."""

from __future__ import annotations

from tsm.policy import rotation, values
from tsm.policy.setting import Setting, choice
from tsm.spec import COMPRESSIONS, LOG_AGE_S, LOG_BYTES, LOGS_BYTES, LOGS_KEPT

LOGS = (
    Setting(
        "out",
        "logs.out",
        values.file,
        "FILE",
        "its standard output goes to this file; default: current.out of the process",
        values.log_file,
        next_run=True,
    ),
    Setting(
        "err",
        "logs.err",
        values.file,
        "FILE",
        "its standard error goes to this file; default: current.err of the process",
        values.log_file,
        next_run=True,
    ),
    Setting(
        "merge-logs",
        "logs.merge",
        values.flag,
        "",
        "its standard error goes where its standard output goes",
        next_run=True,
    ),
    Setting("no-logs", "logs.discard", values.flag, "", "keep nothing of both", next_run=True),
    Setting(
        "log-size",
        "logs.size_bytes",
        values.size,
        "SIZE",
        "rotate a log file that has become so large",
        values.within(*LOG_BYTES, " bytes, such as 10M"),
    ),
    Setting(
        "log-rotate",
        "logs.rotate",
        str,
        "WHEN",
        "by size alone, or also hourly or daily@HOUR",
        rotation.problem,
    ),
    Setting(
        "log-keep",
        "logs.keep",
        values.whole,
        "N",
        "keep so many rotated files of each stream",
        values.within(*LOGS_KEPT, ", such as 10"),
    ),
    Setting(
        "log-age",
        "logs.age_s",
        values.seconds,
        "TIME",
        "remove rotated files that are older",
        values.within(*LOG_AGE_S, " s, such as 14d"),
    ),
    Setting(
        "log-total",
        "logs.total_bytes",
        values.size,
        "SIZE",
        "keep rotated files of so much together",
        values.within(*LOGS_BYTES, " bytes, such as 1G"),
    ),
    choice("log-compress", "logs.compress", COMPRESSIONS, "rotated files: none, gzip or zstd"),
)
