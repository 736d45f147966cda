"""Waits between tries."""

from __future__ import annotations

from random import Random

from loa.receivers.backoff import PATIENT_TRY, SOON, TRY, Backoff


def test_soon_at_first_then_seldom() -> None:
    backoff = Backoff(Random(1))
    now = 0.0
    waits: list[tuple[float, float]] = []
    while now < 3600:
        wait = backoff.failed(now)
        waits.append((now, wait))
        now += wait
    assert waits[0][1] <= 0.5
    assert all(wait <= 4 for at, wait in waits if at < 600)
    assert all(0.15 <= wait <= 60 for _, wait in waits)
    assert max(wait for at, wait in waits if at > 600) > 40
    assert 100 < len(waits) < 500


def test_tries_are_short_in_the_first_ten_minutes_and_patient_later() -> None:
    backoff = Backoff(Random(3))
    assert backoff.within(0.0) == TRY
    backoff.failed(100.0)
    assert backoff.within(699.0) == TRY and backoff.within(700.0) == PATIENT_TRY
    backoff.succeeded()
    assert backoff.within(701.0) == TRY
    assert TRY + SOON < PATIENT_TRY


def test_audio_begins_it_anew() -> None:
    backoff = Backoff(Random(2))
    for now in range(2000):
        backoff.failed(float(now))
    backoff.succeeded()
    assert backoff.failed(2000.0) <= 0.5


def test_boxes_do_not_come_back_together() -> None:
    waits = {round(Backoff(Random(box)).failed(0.0), 4) for box in range(100)}
    assert len(waits) > 90
