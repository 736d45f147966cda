import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.studio import (
    BLOCK,
    MAX_AREAS,
    MAX_AUDIO,
    MAX_PACKET,
    MAX_PCM,
    Audio,
    Closed,
    End,
    Hello,
    Message,
    Pcm,
    Ping,
    Pong,
    Ready,
    Status,
    StudioError,
    Title,
    Unknown,
    encode,
    encode_audio,
    encode_pcm,
    parse,
    parse_audio,
    parse_sound,
)

PACKETS = st.lists(st.binary(min_size=1, max_size=80), min_size=1, max_size=8).map(tuple)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), PACKETS)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_audio_comes_back_as_it_was(seq: int, captured: int, packets: tuple[bytes, ...]) -> None:
    audio = Audio(seq, captured, packets)
    assert parse_audio(encode_audio(audio)) == audio


def test_audio_on_the_wire_has_this_form() -> None:
    wire = bytes.fromhex("0102 00000007 00000000000f4240 0003 f8fffe 0001 08")
    assert parse_audio(wire) == Audio(7, 1_000_000, (b"\xf8\xff\xfe", b"\x08"))
    assert encode_audio(Audio(7, 1_000_000, (b"\xf8\xff\xfe", b"\x08"))) == wire
    assert len(encode_audio(Audio(0, 0, (bytes(MAX_PACKET),) * 8))) == MAX_AUDIO


@pytest.mark.parametrize(
    "wire",
    [
        "",
        "01",
        "0201 00000000 0000000000000000 0001 08",
        "0100 00000000 0000000000000000",
        "0109 00000000 0000000000000000" + "0001 08" * 9,
        "0101 00000000 0000000000000000",
        "0101 00000000 0000000000000000 00",
        "0101 00000000 0000000000000000 0000",
        "0101 00000000 0000000000000000 0002 08",
        "0101 00000000 0000000000000000 0001 0808",
        "0101 00000000 0000000000000000 04fc" + "00" * 1276,
    ],
)
def test_malformed_audio_is_refused(wire: str) -> None:
    with pytest.raises(StudioError):
        parse_audio(bytes.fromhex(wire))


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"\x01\x01" + tail))
@settings(deadline=None, derandomize=True, max_examples=500)
def test_any_bytes_are_audio_or_refused(data: bytes) -> None:
    """A StudioError, or a value that is written as the very same bytes."""
    try:
        audio = parse_audio(data)
    except StudioError:
        return
    assert encode_audio(audio) == data


def test_too_much_audio_is_not_written() -> None:
    for packets in ((), (b"x",) * 9, (b"",), (bytes(1276),)):
        with pytest.raises(ValueError):
            encode_audio(Audio(0, 0, packets))


def test_samples_on_the_wire_have_this_form() -> None:
    block = bytes.fromhex("0100ff7f") + bytes(2 * BLOCK - 4)
    wire = bytes.fromhex("0202 00000007 00000000000f4240") + block + bytes(2 * BLOCK)
    assert parse_sound(wire) == Pcm(7, 1_000_000, (block, bytes(2 * BLOCK)))
    assert encode_pcm(Pcm(7, 1_000_000, (block, bytes(2 * BLOCK)))) == wire
    assert len(encode_pcm(Pcm(0, 0, (bytes(2 * BLOCK),) * 8))) == MAX_PCM
    for blocks in ((), (bytes(2 * BLOCK),) * 9, (bytes(2 * BLOCK - 2),)):
        with pytest.raises(ValueError):
            encode_pcm(Pcm(0, 0, blocks))


SHORT = st.binary(max_size=40).map(lambda tail: b"\x02\x01" + tail)
WHOLE = st.tuples(st.integers(0, 255), st.integers(0, 9), st.integers(-1, 1)).map(
    lambda of: bytes([2, of[0]]) + bytes(max(0, 12 + of[1] * 2 * BLOCK + of[2]))
)


@given(SHORT | WHOLE | st.binary(max_size=60))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_any_bytes_are_sound_or_refused(data: bytes) -> None:
    """A StudioError, or a value that is written as the very same bytes."""
    try:
        sound = parse_sound(data)
    except StudioError:
        return
    assert (encode_pcm(sound) if isinstance(sound, Pcm) else encode_audio(sound)) == data


@pytest.mark.parametrize(
    "message",
    [
        Hello("Lan", "routine", "page", csrf="w", key="k" * 22, targets=(3, 7), language="vi"),
        Ping(7),
        Pong(7),
        Ready("/ha-giang", live="1.2.3", returned=True),
        Closed("stopped", "stopped", by="Mai (mai)"),
        Hello("Đài xã Nà Khương", "priority", "loa 0.1"),
        Title("Bản tin chiều"),
        End(),
        Ready("/ha-giang/na-khuong"),
        Status(("/a", "/a/b"), 2, 1700, -23.4, -16.1, 7.3, 0.0, -9.5, True, 41.5, 40.0, 3, 20.0),
        Status(),
        Closed("busy", "someone else is live here", True),
    ],
)
def test_messages_come_back_as_they_were(message: Message) -> None:
    assert parse(encode(message)) == message


def test_minus_infinity_has_no_value_in_json() -> None:
    assert json.loads(encode(Status(input_lufs=float("-inf"))))["input_lufs"] is None


def test_fields_and_types_of_a_newer_version_are_read_over() -> None:
    assert parse('{"type":"end","why":[1,2]}') == End()
    assert parse('{"type":"chime"}') == Unknown("chime")
    assert parse('{"type":"hello","version":2}') == Hello(version=2)


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert parse('{"type":"title","text":"a\\u001b[2Jb\\n"}') == Title("a [2Jb ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"type":1}',
        '{"type":"hello","class":"urgent"}',
        '{"type":"hello","name":1}',
        '{"type":"hello","name":"' + "x" * 500 + '"}',
        '{"type":"hello","version":true}',
        '{"type":"hello","version":-1}',
        '{"type":"status","on_air":["a",1]}',
        '{"type":"status","ring_ms":null}',
        '{"type":"status","ring_ms":NaN}',
        '{"type":"status","ring_ms":1e400}',
        '{"type":"status","speech":1}',
        '{"type":"closed","again":"yes"}',
        '{"type":"hello","targets":["1"]}',
        '{"type":"hello","targets":[-1]}',
        json.dumps({"type": "hello", "targets": [1] * (MAX_AREAS + 1)}),
        '{"type":"ping","number":1.5}',
        "[" * 5000,
        '{"type":"title","text":"' + "x" * 9000 + '"}',
    ],
)
def test_malformed_messages_are_refused(text: str) -> None:
    with pytest.raises(StudioError):
        parse(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
FIELDS = [about.name for kind in (Status, Hello) for about in fields(kind)]
FIELDS += ["class", "text", "again", "number", "live", "returned", "by", "final"]


@given(
    st.sampled_from(["hello", "title", "end", "ping", "pong", "ready", "status", "closed", "x"]),
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5),
)
@settings(deadline=None, derandomize=True, max_examples=400)
def test_any_json_is_a_message_or_refused(kind: str, fields: dict[str, Any]) -> None:
    """A StudioError, or a value that comes back from its own text."""
    try:
        message = parse(json.dumps({"type": kind, **fields}))
    except StudioError:
        return
    if not isinstance(message, Unknown):
        again = parse(encode(message))
        assert type(again) is type(message)


@given(st.text(max_size=80))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_any_text_is_a_message_or_refused(text: str) -> None:
    """Only StudioError may come out of a text that is no message."""
    try:
        parse(text)
    except StudioError:
        return
