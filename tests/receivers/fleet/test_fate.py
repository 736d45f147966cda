"""What happens to simulated receivers: the same for the same seed, and within the profile."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers.fleet.fate import Way, draw
from loa.receivers.fleet.profile import Clock, Event, Line, Mishaps, Profile, load
from loa.receivers.reading import ConfigError

EXAMPLE = Path(__file__).resolve().parents[3] / "deploy/profiles/3g.toml"


def test_the_example_is_read_and_names_every_key() -> None:
    profile = load(EXAMPLE)
    assert profile.line.delay_ms == (60, 200) and len(profile.event) == 2
    text = EXAMPLE.read_text()
    for section in (Profile, Line, Clock, Mishaps, Event):
        for name in section.__struct_fields__:
            assert name in text, name
    assert load(None) == Profile()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[line]\nloss = 2", "loss"),
        ("[line]\ndelay_ms = [200, 100]", "delay_ms: the first is to be the smaller"),
        ("[line]\ndeley_ms = [1, 2]", "did you mean delay_ms"),
        ("[outages]\nevery_seconds = 1", "at least 5"),
        ("[[event]]\nkind = 'flood'\nat = 1", "event"),
        ("[[event]]\nkind = 'power'\nat = 1\nfor = 3", "event"),
        ("= 3", "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_profile_is_named(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "p.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=word):
        load(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_a_fate_is_drawn_by_seed_and_number() -> None:
    profile = load(EXAMPLE)
    fates = [draw(profile, number, 3600.0) for number in range(300)]
    assert fates[7] == draw(profile, 7, 3600.0)
    assert fates[7] != fates[8]
    for fate in fates:
        assert 0.06 <= fate.delay <= 0.2 and abs(fate.drift) <= 300e-6
        for one, other in zip(fate.mishaps, fate.mishaps[1:], strict=False):
            assert one.end < other.start
    wrong = sum(fate.clock != 0 for fate in fates)
    assert 60 < wrong < 120
    struck = [f for f in fates if any(60 <= m.start <= 62 for m in f.mishaps)]
    assert 30 < len(struck) < 90


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    st.floats(0, 0.3), st.sampled_from([1.0, 2.0, 5.0]), st.floats(0, 0.4), st.integers(0, 99),
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 5000)), max_size=40),
)  # fmt: skip
def test_what_is_sent_comes_in_order_and_never_early(
    loss: float, burst: float, delay: float, seed: int, sent: list[tuple[float, int]]
) -> None:
    way = Way(Line(loss=loss, burst=burst, jitter_ms=30, rate_kbit=400), delay, Random(seed))
    now = last = 0.0
    for gap, size in sent:
        now += gap
        due = way.arrives(now, size)
        assert due >= max(last, now + delay + size / 50_000)
        last = due


def test_losses_are_as_many_as_the_profile_says() -> None:
    way = Way(Line(loss=0.05, burst=2), 0.1, Random(1))
    late = 0
    for second in range(20_000):
        late += way.arrives(float(second), 100) > second + 0.11
    assert 0.04 < way.lost / (20_000 + way.lost) < 0.06
    assert 0.02 < late / 20_000 < 0.05
