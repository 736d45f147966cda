"""Health messages: small, and only what can be."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control import messages
from loa.codecs.control.messages import Health
from loa.codecs.control.vitals import MOST_BYTES, TEXTS, VALUES, compose, read

AT = 1_790_000_000.123


def test_what_is_told_is_read_as_it_was() -> None:
    values = {"temperature_c": 51.27, "mains": 1, "modem_received": 123_456_789_012.0}
    texts = {"iccid": "8984012345678901234", "operator": "Viettel"}
    message = messages.from_box(messages.encode(compose(AT, values, texts)))
    assert isinstance(message, Health)
    assert read(message) == ({**values, "temperature_c": 51.3}, texts, 0)
    assert message.at == 1_790_000_000.1


def test_what_cannot_be_is_left_out() -> None:
    wrong = {"temperature_c": float("nan"), "signal_percent": 101.0, "made_up": 1.0, "relay": -1.0}
    assert compose(AT, wrong, {"made_up": "x", "operator": "a\x00b"}) == Health(
        at=1_790_000_000.1, values={}
    )
    strange = Health(at=0, values={"te": 1e9, "zz": 1.0, "re": 1}, texts={"op": "a\nb", "q": "x"})
    assert read(strange) == ({"relay": 1}, {}, 4)


def test_a_usual_message_is_whole_within_the_bound() -> None:
    usual = {
        "output_trouble": 0, "on_air": 1, "relay": 1, "mains": 1, "undervoltage": 0,
        "temperature_c": 61.3, "signal_percent": 71, "signal_dbm": -97,
        "storage_free_mb": 11_204, "memory_free_mb": 287, "memory_mb": 61,
        "modem_epoch": 4_123_456_789, "modem_received": 1_034_567_890, "modem_sent": 98_765_432,
        "modem_before": 21_034_567_890, "buffer_ms": 512, "lag_ms": 12, "lost": 312,
        "concealed": 412, "clock_trust": 3, "self_test_at": 1_789_900_000, "self_test_failed": 0,
        "cache_percent": 43, "journal_waiting": 0, "volume_percent": 80, "online_s": 86_400,
        "up_s": 1_234_567,
    }  # fmt: skip
    message = compose(AT, usual, {})
    assert len(messages.encode(message)) <= MOST_BYTES
    told = set(read(message)[0])
    assert set(usual) - told <= {"up_s", "online_s", "volume_percent", "journal_waiting"}


@settings(deadline=None, derandomize=True)
@given(
    st.dictionaries(st.sampled_from([v.name for v in VALUES]), st.floats(), max_size=40),
    st.dictionaries(st.sampled_from([w.name for w in TEXTS]), st.text(max_size=100)),
    st.floats(0, 4e9),
)
def test_every_message_is_small_and_can_be_read(
    values: dict[str, float], texts: dict[str, str], at: float
) -> None:
    sent = messages.encode(compose(at, values, texts))
    assert len(sent) <= MOST_BYTES
    message = messages.from_box(sent)
    assert isinstance(message, Health)
    told, said, unknown = read(message)
    assert unknown == 0 and told.keys() <= values.keys() and said.keys() <= texts.keys()


@settings(deadline=None, derandomize=True)
@given(
    st.dictionaries(st.text(max_size=4), st.floats(allow_nan=False)),
    st.dictionaries(st.text(max_size=4), st.text()),
)
def test_reading_fails_at_nothing(values: dict[str, float], texts: dict[str, str]) -> None:
    read(Health(at=0, values=values, texts=texts))
