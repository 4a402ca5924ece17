"""Whether a definition makes sense, whoever wrote it."""

from __future__ import annotations

from tsm.policy import settings, signs
from tsm.policy.words import is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.spec import Spec


def problem(spec: Spec) -> str | None:
    """What is wrong with the definition, with the value and what would do; None if nothing."""
    checks = (
        (is_name(spec.name), f"name {spec.name!r}: use letters, digits, `.`, `_` and `-`"),
        (bool(spec.argv), "argv is empty"),
        (all("\0" not in word for word in spec.argv), "argv holds a NUL byte"),
        (spec.cwd.startswith("/"), f"cwd {spec.cwd!r}: not an absolute path"),
        (spec.port is None or 0 < spec.port < 65536, f"port {spec.port}: not within 1 to 65535"),
        (
            not (spec.logs.discard and signs.searches(spec)),
            "log: nothing of what it writes is kept with no-logs: leave one of them out",
        ),
        (
            spec.limits.user is None or not signs.checks(spec, "heartbeat"),
            "heartbeat: a child of another user cannot enter the home: use notify",
        ),
    )
    what = next((what for fine, what in checks if not fine), None)
    return what or settings.problem(spec)
