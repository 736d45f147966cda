"""What horns give, in passed time: together, without a step, whatever clocks and lines do."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.horns import Box, Horns, encoded, lan, mobile, voices
from loa.codecs.control.messages import Change
from loa.codecs.control.settings import Settings
from loa.receivers.parts import Prepared, Samples

ALONE = Settings(delay_ms=0)
HASH = b"h" * 32
PPM = ((0.0, 100.0), (80.0, -100.0), (-60.0, 30.0))
"""By box: of its own clock, of its sound card."""


def group(ways: object = lan, settings: Settings | None = None) -> Horns:
    horns = Horns(settings)
    for number, (clock, card) in enumerate(PPM):
        horns.add(
            ways(), clock_ppm=clock, card_ppm=card, latency=0.02 + 0.015 * number  # type: ignore[operator]
        )  # fmt: skip
    horns.run(5)
    return horns


def on(horns: Horns, seconds: float, kind: str = "live", *, seed: int = 1, cls: int = 0) -> int:
    """Something begins now; return its first tick."""
    pcm = voices(int(seconds * 50), seed)
    tick = int(horns.tick(horns.now)) + 4
    audio = HASH if kind == "bulletin" else None
    horns.change(
        Change(
            tick=tick, kind=kind, play=f"{kind}{seed}", cls=cls, audio=audio,  # type: ignore[arg-type]
            ticks=int(seconds * 50) if audio else 0,
        ),
        encoded(pcm),
    )  # fmt: skip
    return tick


def steps(box: Box, since: float) -> float:
    """Return the greatest step between samples."""
    first = int(np.searchsorted(box.times, since))
    return float(np.abs(np.diff(np.concatenate(box.blocks[first:]))).max())


def worst(offsets: list[float]) -> float:
    assert offsets and not any(map(math.isnan, offsets))
    return max(map(abs, offsets))


def tone(ticks: int) -> Samples:
    at = np.arange(ticks * 960) / 48_000
    return (0.3 * np.sin(2 * np.pi * 400 * at)).astype(np.float32)


@pytest.mark.parametrize("settings", [Settings(), Settings(cadence="low")])
def test_horns_on_a_lan_sound_together(settings: Settings) -> None:
    horns = group(lan, settings)
    first = on(horns, 12)
    horns.run(14)
    found = [horns.offsets(box, first + 10, first + 590) for box in horns.boxes]
    assert all(worst(offsets) < 5 for offsets in found)
    assert all(box.carriage.player.counters.failed == 0 for box in horns.boxes)
    spread = [max(at) - min(at) for at in zip(*found, strict=True)]
    assert max(spread) < 10


def test_horns_on_3g_sound_together() -> None:
    horns = group(lambda: mobile(lost=0.0))
    first = on(horns, 20)
    horns.run(22)
    for box in horns.boxes:
        offsets = horns.offsets(box, first + 10, first + 990)
        assert worst(offsets) < 40
        assert box.carriage.sequencer.counters.made_up <= 5


def test_the_first_word_is_there_and_nothing_twice() -> None:
    horns = group()
    first = on(horns, 5)
    packets = [horns.carried[t] for t in range(first, first + 250)]
    horns.change(Change(tick=first + 250, kind="silence"))
    horns.run(8)
    for box in horns.boxes:
        assert box.given[:250] == packets
        (played,) = box.notes.over
        assert played.delivered == 250 and played.missed == 0 and played.whole
        assert not box.blocks[-1].any()


def test_trim_moves_a_horn() -> None:
    horns = Horns()
    box = horns.add(lan(), settings=Settings(trim_ms=-120))
    horns.run(5)
    first = on(horns, 8)
    horns.run(10)
    assert all(abs(offset + 120) < 5 for offset in horns.offsets(box, first + 10, first + 390))


def test_an_emergency_sounds_first_and_is_aligned_afterwards() -> None:
    horns = group()
    on(horns, 10)
    horns.run(4)
    first = on(horns, 16, seed=7, cls=2)
    begun = horns.now
    horns.run(18)
    for box in horns.boxes:
        at = box.carriage.clock
        assert worst(horns.offsets(box, first + 500, first + 790)) < 10
        assert box.notes.over[0].interrupted == "live7" and at.resets == 0
        stretch = box.carriage.sequencer.current
        assert stretch is not None and stretch.stretch is not None
        heard = stretch.stretch.heard_at
        assert heard is not None and heard - box.local(begun) < 0.45
        assert steps(box, begun - 1) < 0.2


def test_a_late_bulletin_comes_back_to_the_others() -> None:
    horns = Horns()
    box = horns.add(lan())
    pcm = voices(1500, 3)
    box.shelf.files[HASH] = Prepared(HASH, tuple(encoded(pcm)))
    horns.run(5)
    tick = int(horns.tick(horns.now)) - 100
    horns.change(Change(tick=tick, kind="bulletin", play="b", audio=HASH, ticks=1500), encoded(pcm))
    horns.run(35)
    assert worst(horns.offsets(box, tick + 1200, tick + 1490)) < 15
    (played,) = box.notes.over
    assert played.late_ms > 1000 and played.delivered == 1500 and played.whole
    assert box.carriage.player.counters.left_out > 40


@pytest.mark.parametrize("card", [-100.0, 100.0])
def test_a_horn_on_its_own_follows_its_card(card: float) -> None:
    horns = Horns(ALONE)
    box = horns.add(mobile(lost=0.0), card_ppm=card, clock_ppm=-card)
    horns.run(5)
    on(horns, 30)
    horns.run(30)
    player = box.carriage.player
    assert player.seconds_behind() < 0.8
    assert len(box.given) > 50 * 28
    assert box.carriage.sequencer.counters.missed == 0


@pytest.mark.parametrize("what", ["stop", "outage", "emergency"])
def test_cuts_are_faded(what: str) -> None:
    horns = Horns(ALONE)
    box = horns.add(lan())
    horns.run(3)
    tick = int(horns.tick(horns.now)) + 4
    horns.change(Change(tick=tick, kind="live", play="t"), encoded(tone(1000)))
    horns.run(4)
    if what == "stop":
        box.carriage.stop()
    elif what == "outage":
        horns.disconnect(box)
    else:
        tick = int(horns.tick(horns.now)) + 4
        other = tone(300)[77:]
        other[:960] *= np.linspace(0, 1, 960, dtype=np.float32)  # as programmes begin
        horns.change(Change(tick=tick, kind="live", play="e", cls=2), encoded(other))
    horns.run(2)
    slope = 0.3 * 2 * np.pi * 400 / 48_000
    assert steps(box, 8.0) < 2.2 * slope
    if what != "emergency":
        assert not box.blocks[-1].any()


def test_silence_costs_no_decoding_and_says_so() -> None:
    horns = Horns(ALONE)
    box = horns.add(lan())
    horns.run(3)
    out = np.ones(960, np.float32)
    assert box.carriage.player.read_into(out, box.local(horns.now)) is False
    assert not out.any() and not box.given


def test_whatever_fails_is_silence() -> None:
    horns = Horns(ALONE)
    box = horns.add(lan())
    horns.run(3)
    on(horns, 5)
    horns.run(2)
    box.carriage.sequencer.take = None  # type: ignore[assignment, method-assign]
    out = np.ones(960, np.float32)
    for _ in range(3):
        assert box.carriage.player.read_into(out, box.local(horns.now)) is False
        assert not out.any()
    assert box.carriage.player.counters.failed == 3


class Counting:
    """A horn that took ``consumed`` blocks."""

    consumed: int | None = 0
    sounded: int | None = None

    def volume(self, cls: int) -> int:
        return 70 + cls


def test_what_the_device_took_is_counted() -> None:
    horns = Horns(ALONE)
    box = horns.add(lan())
    horn = Counting()
    box.carriage.player.horn = horn
    box.carriage._horn = horn
    read = box.carriage.player.read_into

    def reading(out: Samples, at: float) -> bool:
        sounds = read(out, at)
        horn.consumed = (horn.consumed or 0) + 1
        return sounds

    box.carriage.player.read_into = reading  # type: ignore[method-assign]
    horns.run(3)
    tick = on(horns, 2)
    horns.change(Change(tick=tick + 100, kind="silence"))
    horns.run(4)
    (played,) = box.notes.over
    assert played.device is not None and 98 <= played.device <= 102
    assert played.sounded is None and played.volume == 70
    assert played.started is not None


def test_a_microphone_that_fails_in_the_middle_has_not_measured_it() -> None:
    horns = Horns(ALONE)
    box = horns.add(lan())
    horn = Counting()
    horn.sounded = 5
    box.carriage.player.horn = box.carriage._horn = horn
    horns.run(3)
    tick = on(horns, 2)
    horns.change(Change(tick=tick + 100, kind="silence"))
    horns.run(1.5)
    horn.sounded = None
    horns.run(2.5)
    (played,) = box.notes.over
    assert played.sounded is None and played.device is not None
