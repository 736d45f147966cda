"""Webhooks as values: kinds, signatures, pauses."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from loa.streamer.core.webhooks import KIND, TRY_FOR, moment, pause, signature, wanted


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ((), True),
        (("bulletin.",), True),
        (("bulletin.approved",), True),
        (("bulletin.app",), False),
        (("emergency.", "bulletin.approved"), True),
        (("emergency.",), False),
    ],
)
def test_kinds_are_named_whole_or_by_how_they_begin(kinds: tuple[str, ...], told: bool) -> None:
    assert wanted("bulletin.approved", kinds) is told


def test_a_signature_is_the_hmac_of_time_and_body() -> None:
    # Computed by: printf '1790000000.{"a":1}' | openssl dgst -sha256 -hmac secret
    assert signature("secret", 1_790_000_000, b'{"a":1}') == (
        "t=1790000000,v1=da8fe498621aaab99d5b11c51346b13d1a2bf2914b865b8d3edd3531cab25a3e"
    )


def test_pauses_grow_and_a_day_has_dozens_of_attempts() -> None:
    pauses = [pause(n) for n in range(1, 40)]
    assert pauses == sorted(pauses) and pauses[0] == 10 and pauses[-1] == 3600
    assert 24 <= sum(1 for n in range(1, 40) if sum(pauses[:n]) <= TRY_FOR) <= 40


def test_times_are_utc() -> None:
    assert moment(1_790_000_000.25) == "2026-09-21T14:13:20.250Z"


@pytest.mark.parametrize("kind", ["bulletin.", "bulletin.approved", "area.policy_set", "bulletin"])
def test_kinds(kind: str) -> None:
    assert KIND.fullmatch(kind)


@pytest.mark.parametrize("kind", ["", ".", "Bulletin.", "bulletin..", "*", "bulletin approved"])
def test_no_kinds(kind: str) -> None:
    assert not KIND.fullmatch(kind)


def test_the_guide_checks_signatures_as_they_are_made() -> None:
    guide = Path(__file__).parents[3] / "docs" / "webhooks.md"
    found = re.search(r"```python\n(.*?)```", guide.read_text(), re.DOTALL)
    assert found is not None
    there: dict[str, Any] = {}
    exec(found[1], there)
    now = int(time.time())
    header = signature("secret", now, b"{}")
    assert there["is_from_loa"]("secret", header, b"{}")
    assert not there["is_from_loa"]("secret", header, b"{ }")
    assert not there["is_from_loa"]("other", header, b"{}")
    assert not there["is_from_loa"]("secret", signature("secret", now - 3600, b"{}"), b"{}")
