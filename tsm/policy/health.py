"""Whether a child is ready and healthy, judged by the answers of its probes."""

from __future__ import annotations

from tsm.record import Record, changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import Answer
    from tsm.spec import Probe

_OUTPUT_CHARACTERS = 500


class Verdict(Record):
    """What is known of a child by one of its probes; the first of a run is `Verdict()`."""

    state: str = "unknown"  # or healthy, unhealthy
    failures: int = 0  # in a row, those that count
    ready: bool = False  # the probe has succeeded in this run
    output: str = ""  # of the last probe, printable


def judged(former: Verdict, probe: Probe, uptime_s: float, answer: Answer) -> Verdict:
    """The verdict after one more answer, of a run that was up for `uptime_s` when it came.

    One success makes it healthy, `retries` failures in a row unhealthy; none counts that
    comes within the start period, or where tsm could not ask.
    """
    output = printable(answer.output)
    if answer.asked and answer.ok:
        return Verdict("healthy", 0, ready=True, output=output)
    if not answer.asked or uptime_s < probe.start_period_s:
        return changed(former, output=output)
    failures = former.failures + 1
    state = "unhealthy" if failures >= probe.retries else former.state
    return Verdict(state, failures, former.ready, output)


def printable(text: str) -> str:
    """The text as one line of at most 500 characters that a terminal can show."""
    line = " ".join(text.split())
    if len(line) > _OUTPUT_CHARACTERS:
        line = f"{line[: _OUTPUT_CHARACTERS - 3]}..."
    return "".join(one if one.isprintable() else "?" for one in line)
