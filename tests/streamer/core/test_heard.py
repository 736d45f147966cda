"""The outcome of a playing at a receiver: a table of cases, and that nothing is inferred."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.heard import Due, Early, Outcome, Said, Verdict, best, judge

DUE = Due(1, "e5#1", 1000.0, 1060.0, 3000)
SAID = Said(7, "e5#1", 1000.0, 1060.0, 3000, 3000, 3000, None, 0, 0, 80, 12, True)
EARLY = Early(7, "e5#1", 1000.5, 40, True)


def of(
    said: Said | None, due: Due | None = DUE, early: Early | None = None, **more: object
) -> Verdict:
    given = {"online": True, "now": 1e6, "patience": 120.0, **more}
    return judge(due, said, early, **given)  # type: ignore[arg-type]


CASES = [
    (SAID, Outcome.WHOLE, ""),
    (replace(SAID, late_ms=2001), Outcome.LATE, ""),
    (replace(SAID, device=1500, whole=False, interrupted="stop"), Outcome.PART, "stop"),
    (replace(SAID, device=1500), Outcome.PART, "gaps"),
    (replace(SAID, device=2990, whole=False), Outcome.WHOLE, ""),
    (replace(SAID, volume=0), Outcome.NOT, "volume"),
    (replace(SAID, device=0), Outcome.NOT, "device"),
    (replace(SAID, device=0, decoded=0), Outcome.NOT, "no_audio"),
    (replace(SAID, device=0, why_not="too late"), Outcome.NOT, "too late"),
    (replace(SAID, device=None), Outcome.UNMEASURED, ""),
    (replace(SAID, device=None, sounded=0), Outcome.UNMEASURED, ""),
    (replace(SAID, device=None, decoded=0, why_not="not_fetched"), Outcome.NOT, "not_fetched"),
    (replace(SAID, device=None, decoded=0), Outcome.NOT, "unknown"),
]


@pytest.mark.parametrize(("said", "outcome", "why"), CASES)
def test_what_a_box_said(said: Said, outcome: Outcome, why: str) -> None:
    verdict = of(said)
    assert (verdict.outcome, verdict.why) == (outcome, why)


def test_a_box_that_played_by_itself_is_judged_by_what_it_says() -> None:
    assert of(SAID, due=None).outcome is Outcome.WHOLE
    assert of(replace(SAID, device=100, whole=False), due=None).outcome is Outcome.PART


def test_nothing_said() -> None:
    going = replace(DUE, ended=None)
    assert of(None, now=1100.0).outcome is Outcome.PENDING
    assert of(None, now=1200.0) == Verdict(Outcome.UNREPORTED, "silent")
    assert of(None, now=1100.0, online=False) == Verdict(Outcome.UNREPORTED, "offline")
    assert of(None, due=going).outcome is Outcome.PENDING
    late = {"now": 1061.0, "patience": 60.0, "from_start": True}
    assert of(None, due=going, **late) == Verdict(Outcome.UNREPORTED, "silent")
    assert of(None, due=going, early=EARLY, **late) == Verdict(Outcome.BEGUN, "", 40)
    unknown = replace(EARLY, device=None)
    assert of(None, due=going, early=unknown, **late).outcome is Outcome.UNMEASURED
    assert of(replace(SAID, device=0), early=EARLY).outcome is Outcome.NOT, "the report counts"


counts = st.none() | st.integers(0, 4000)


@settings(deadline=None, derandomize=True)
@given(counts, counts, counts, counts, st.booleans(), st.integers(0, 100))
def test_no_state_is_taken_for_another(
    delivered: int | None,
    decoded: int | None,
    device: int | None,
    sounded: int | None,
    whole: bool,
    volume: int,
) -> None:
    said = replace(
        SAID, delivered=delivered, decoded=decoded, device=device, sounded=sounded, whole=whole,
        volume=volume,
    )  # fmt: skip
    verdict = of(said)
    assert verdict.reached == (bool(device) and volume > 0)
    assert verdict == of(replace(said, sounded=1)), "a microphone proves its own state only"
    if device:
        assert verdict == of(replace(said, delivered=0, decoded=0))


def test_the_best_playing_counts() -> None:
    verdicts = [of(None, now=1200.0), of(replace(SAID, late_ms=9000)), of(SAID), of(None, now=0.0)]
    assert best(verdicts) is verdicts[2]
    assert best(verdicts[:2]) is verdicts[1]
