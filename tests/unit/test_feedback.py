"""Why watched files change: because of the starts, or of a person."""

from __future__ import annotations

import pytest

from tsm.policy.feedback import Change, loop_suspected

LOG = "/app/out.log"


def changes(*after_s: float, paths: tuple[str, ...] = (LOG,)) -> list[Change]:
    """Changes that came so long after the starts."""
    return [
        Change(100.0 * place, 100.0 * place + one_s, frozenset(paths))
        for place, one_s in enumerate(after_s)
    ]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(changes(0.3, 0.31, 0.29, 0.35, 0.3), LOG, id="each time soon after the start"),
        pytest.param(changes(90, 0.3, 0.31, 0.29, 0.35, 0.3), LOG, id="the last five count"),
        pytest.param(changes(0.3, 0.31, 0.29, 0.35), None, id="four may be chance"),
        pytest.param(changes(0.3, 0.31, 0.29, 0.35, 2.5), None, id="one came late"),
        pytest.param(changes(0.1, 0.9, 0.5, 0.3, 0.7), None, id="a person saves every second"),
        pytest.param(changes(-0.1, 0.0, 0.0, 0.0, 0.0), None, id="before the start"),
        pytest.param(
            changes(0.3, 0.3, 0.3, 0.3, paths=(LOG, "/app/a.py")) + changes(0.3, paths=(LOG,)),
            LOG,
            id="among others",
        ),
        pytest.param(
            changes(0.3, 0.3, 0.3, 0.3) + changes(0.3, paths=("/app/a.py",)), None, id="another"
        ),
    ],
)
def test_a_loop_is_named_by_its_file(seen: list[Change], expected: str | None) -> None:
    assert loop_suspected(seen) == expected
