"""Whether a definition makes sense, whoever wrote it."""

from __future__ import annotations

from tsm.model import RESTART_POLICIES
from tsm.policy.words import is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import Spec

_DAY_S = 86400.0


def problem(spec: Spec) -> str | None:
    """What is wrong with the definition, with the value and what would do; None if nothing."""
    rule = spec.restart
    checks = (
        (is_name(spec.name), f"name {spec.name!r}: use letters, digits, `.`, `_` and `-`"),
        (bool(spec.argv), "argv is empty"),
        (all("\0" not in word for word in spec.argv), "argv holds a NUL byte"),
        (spec.cwd.startswith("/"), f"cwd {spec.cwd!r}: not an absolute path"),
        (spec.port is None or 0 < spec.port < 65536, f"port {spec.port}: not within 1 to 65535"),
        (_is_umask(spec.umask), f"umask {spec.umask!r}: not octal, such as 0022"),
        (
            rule.when in RESTART_POLICIES,
            f"restart {rule.when!r}: not one of {', '.join(RESTART_POLICIES)}",
        ),
        (0 <= rule.max_retries <= 1000, f"max_retries {rule.max_retries}: not within 0 to 1000"),
        (_is_time(rule.min_uptime_s), f"min_uptime {rule.min_uptime_s:g}: not within 0 to 86400 s"),
        (_is_time(rule.delay_s), f"delay {rule.delay_s:g}: not within 0 to 86400 s"),
        (_is_time(rule.max_delay_s), f"max_delay {rule.max_delay_s:g}: not within 0 to 86400 s"),
        (
            all(0 <= code <= 255 for code in rule.success_codes),
            f"success_codes {rule.success_codes}: not within 0 to 255",
        ),
        (
            _is_time(spec.stop_timeout_s),
            f"stop_timeout {spec.stop_timeout_s:g}: not within 0 to 86400 s",
        ),
    )
    return next((what for fine, what in checks if not fine), None)


def _is_time(seconds: float) -> bool:
    return 0.0 <= seconds <= _DAY_S


def _is_umask(text: str) -> bool:
    return 0 < len(text) <= 4 and all(digit in "01234567" for digit in text)
