"""Schedules as files: what was signed comes back, and nothing else is read."""

from __future__ import annotations

import contextlib
import zlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control import sealed
from loa.codecs.control.agenda import (
    ScheduleError,
    decode_schedule,
    encode_schedule,
    open_schedule,
    seal_schedule,
)
from loa.codecs.control.sealed import MAX_BODY, SealError, seal, unseal
from loa.codecs.control.signing import Purpose, SigningKey
from support.boxes import KEY, Programme


def made() -> Programme:
    programme = Programme()
    programme.play(1, 0, "05:00", 3000, "05:30")
    programme.play(2, 1, "05:00", 2000, "05:30", cls=1, expires=99)
    return programme


def test_there_and_back() -> None:
    schedule = made().schedule(version=7)
    data = seal_schedule(schedule, KEY)
    assert open_schedule(data, [SigningKey(bytes(32)).public, KEY.public]) == schedule
    assert data == seal_schedule(schedule, KEY)  # the same schedule is the same file
    with pytest.raises(SealError, match="nobody"):
        open_schedule(data, [KEY.public], Purpose.PACK)
    with pytest.raises(SealError, match="nobody"):
        open_schedule(data, [])


def test_what_cannot_be() -> None:
    schedule = made().schedule()
    with pytest.raises(ScheduleError, match="has not got"):
        decode_schedule(encode_schedule(msgspec.structs.replace(schedule, audios=())))
    with pytest.raises(ScheduleError, match="format"):
        decode_schedule(encode_schedule(msgspec.structs.replace(schedule, format=2)))
    with pytest.raises(ScheduleError):
        decode_schedule(encode_schedule(schedule)[:-1])


def test_what_is_inflated_is_bounded() -> None:
    bomb = seal(Purpose.SCHEDULE, bytes(MAX_BODY + 1), KEY)
    assert len(bomb) < 100_000
    with pytest.raises(SealError, match="too large"):
        unseal(Purpose.SCHEDULE, bomb, [KEY.public])
    packed = zlib.compress(b"x") + b"more"
    data = sealed._MAGIC + KEY.sign(Purpose.SCHEDULE, packed) + packed
    with pytest.raises(SealError, match="behind it"):
        unseal(Purpose.SCHEDULE, data, [KEY.public])
    data = sealed._MAGIC + KEY.sign(Purpose.SCHEDULE, b"no zlib") + b"no zlib"
    with pytest.raises(SealError, match="damaged"):
        unseal(Purpose.SCHEDULE, data, [KEY.public])


@settings(deadline=None, derandomize=True, max_examples=300)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.integers(0, 3))
def test_an_altered_file_is_refused(at: int, bit: int, cut: int) -> None:
    data = bytearray(seal_schedule(made().schedule(), KEY))
    data[at % len(data)] ^= 1 << bit
    with pytest.raises(SealError):
        open_schedule(bytes(data[: len(data) - cut]), [KEY.public])


@settings(deadline=None, derandomize=True, max_examples=300)
@given(body=st.binary(max_size=300), at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_any_body_is_a_schedule_or_an_error(body: bytes, at: int, byte: int) -> None:
    whole = bytearray(encode_schedule(made().schedule()))
    whole[at % len(whole)] = byte
    for data in (body, bytes(whole)):
        with contextlib.suppress(ScheduleError):
            decode_schedule(data)
