"""Variables that each run is given anew: by which a child can tell of itself, and of node."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.spec import Spec

_SOURCE_MAPS = b"--enable-source-maps"  # node(1)
OF_TSM = (b"NOTIFY_SOCKET", b"WATCHDOG_USEC", b"WATCHDOG_PID", b"TSM_HEARTBEAT")


def checks(spec: Spec, check: str) -> bool:
    """Whether one of the probes of the definition is of that kind."""
    return check in (spec.ready.check, spec.health.check)


def searches(spec: Spec) -> bool:
    """Whether one of its probes looks for something in what it writes."""
    return any(str(one.check).startswith("log:") for one in (spec.ready, spec.health))


def signs(
    spec: Spec, environ: Mapping[bytes, bytes], notify_address: str | None, heartbeat_file: str
) -> dict[bytes, bytes]:
    """What is added to `environ` for a run, as sd_notify(3) and sd_watchdog_enabled(3) say.

    Without an address there is nobody whom a child could tell anything.
    Source maps are asked for beside what else NODE_OPTIONS asks for.
    """
    found: dict[bytes, bytes] = {}
    if spec.source_maps:
        found[b"NODE_OPTIONS"] = _with_source_maps(environ.get(b"NODE_OPTIONS", b""))
    if checks(spec, "notify") and notify_address is not None:
        found[b"NOTIFY_SOCKET"] = _bytes(notify_address)
    if spec.health.check == "notify" and notify_address is not None:
        found[b"WATCHDOG_USEC"] = b"%d" % (spec.health.interval_s * 1e6)
    if checks(spec, "heartbeat"):
        found[b"TSM_HEARTBEAT"] = _bytes(heartbeat_file)
    return found


def _with_source_maps(options: bytes) -> bytes:
    there = _SOURCE_MAPS in options.split()
    return options if there else b" ".join(word for word in (options, _SOURCE_MAPS) if word)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
