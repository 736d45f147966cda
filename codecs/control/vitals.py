"""What a box can tell of itself in ``messages.Health``: every value and text, its unit and meaning.

On the wire a value has two letters, everywhere else its name: a message is sent hundreds of times a
day by thousands of boxes. A box tells only what it can read. What is not in this table, or cannot
be, is left out by whoever reads it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from loa.codecs.control.messages import Health

MOST_BYTES = 300
"""Of one message; what does not fit is left out from the end of the table."""
MOST_CHARACTERS = 60
"""Of a text."""


@dataclass(frozen=True, slots=True)
class Vital:
    """A value. ``short``: its name on the wire; ``low`` … ``high``: what it can be.

    ``history``: kept by the hour (least, mean, most) for months.
    """

    name: str
    short: str
    unit: str
    meaning: str
    low: float = 0.0
    high: float = 1e15
    history: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A text."""

    name: str
    short: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """A value is bad from ``bad`` on and good again from ``good`` on, which lies apart from it.

    ``bad`` below ``good``: low values are the bad ones.
    """

    name: str
    bad: float
    good: float

    def judge(self, value: float, was_bad: bool) -> bool:
        """Say whether it is bad now."""
        low = self.bad < self.good
        if was_bad:
            return value < self.good if low else value > self.good
        return value <= self.bad if low else value >= self.bad


VALUES: tuple[Vital, ...] = (
    Vital("output_trouble", "ou", "0/1", "the sound device is lost or does not take samples", 0, 1),
    Vital("on_air", "on", "0/1", "something sounds now", 0, 1),
    Vital("relay", "re", "0/1", "the amplifier's relay is on", 0, 1),
    Vital("mains", "ma", "0/1", "it runs on mains power", 0, 1, history=True),
    Vital("undervoltage", "uv", "0/1/2", "1: its supply was too low since the start, 2: is now",
          0, 2, history=True),
    Vital("battery_percent", "ba", "%", "charge of the battery", 0, 100, history=True),
    Vital("temperature_c", "te", "°C", "of the processor", -60, 200, history=True),
    Vital("signal_percent", "si", "%", "of the mobile network, by the modem", 0, 100, history=True),
    Vital("signal_dbm", "db", "dBm", "received power of the mobile network", -200, 0),
    Vital("storage_free_mb", "sf", "MB", "free where the box keeps its data", history=True),
    Vital("memory_free_mb", "mf", "MB", "memory that is available", history=True),
    Vital("memory_mb", "me", "MB", "memory that the box's program uses"),
    Vital("modem_epoch", "ep", "", "which run of the modem's counters the next three are of"),
    Vital("modem_received", "rx", "B", "received by the modem in this run"),
    Vital("modem_sent", "tx", "B", "sent by the modem in this run"),
    Vital("modem_before", "bf", "B", "both, in all runs before"),
    Vital("buffer_ms", "bu", "ms", "audio that waits to be played", 0, 1e6, history=True),
    Vital("lag_ms", "la", "ms", "how far behind its due time it plays", -1e6, 1e8, history=True),
    Vital("lost", "lo", "packets", "audio that did not come, since the program's start",
          history=True),
    Vital("concealed", "co", "ticks", "20 ms of sound that were made up, since the start",
          history=True),
    Vital("clock_trust", "ct", "0–3", "time of day: 0 unknown, 1 run on, 2 NTP, 3 the server's",
          0, 3),
    Vital("self_test_at", "sa", "Unix s", "when it last tested itself"),
    Vital("self_test_failed", "st", "checks", "how many checks of that test failed", 0, 1000),
    Vital("cache_percent", "ca", "%", "how full its cache is", 0, 100),
    Vital("journal_waiting", "jo", "entries", "journal that the server has not got yet"),
    Vital("volume_percent", "vo", "%", "the volume that holds now", 0, 100),
    Vital("online_s", "ol", "s", "since this connection began"),
    Vital("up_s", "up", "s", "since the box was started"),
)  # fmt: skip
"""In the order of their weight."""

TEXTS: tuple[Word, ...] = (
    Word("trouble", "tr", "what is wrong with the output, in words"),
    Word("iccid", "ic", "the SIM's own number"),
    Word("operator", "op", "the network that the modem is in"),
    Word("network", "nt", "how: lte, umts, gsm …"),
    Word("number", "nu", "the SIM's telephone number, where it knows it"),
    Word("interface", "if", "the network interface whose bytes are counted"),
)

_BY_NAME = {vital.name: vital for vital in VALUES}
_BY_SHORT = {vital.short: vital for vital in VALUES}
_WORDS = {word.name: word for word in TEXTS}
_WORD_OF = {word.short: word.name for word in TEXTS}


def vital(name: str) -> Vital:
    """Return a value by its name. Raises ``KeyError``."""
    return _BY_NAME[name]


def compose(at: float, values: Mapping[str, float], texts: Mapping[str, str]) -> Health:
    """Return the message of these values and texts, by their names; at most 300 bytes.

    What is unknown, no finite number or out of its range is left out; texts are cut. What does not
    fit is left out, too: texts go before values.
    """
    words: dict[str, str] = {}
    numbers: dict[str, float] = {}
    left = MOST_BYTES - len(b'{"t":"health","at":,"values":{},"texts":{}}') - len(f"{at:.1f}")
    for word in TEXTS:
        text = " ".join(texts.get(word.name, "").split())[:MOST_CHARACTERS]
        size = len(f',"{word.short}":') + len(msgspec.json.encode(text))
        if text and text.isprintable() and size <= left:
            left -= size
            words[word.short] = text
    for vital in VALUES:
        value = values.get(vital.name)
        if value is None or not math.isfinite(value) or not vital.low <= value <= vital.high:
            continue
        number = int(value) if value == int(value) else round(value, 1)
        size = len(f',"{vital.short}":{number}')
        if size <= left:
            left -= size
            numbers[vital.short] = number
    return Health(at=round(at, 1), values=numbers, texts=words)


def read(message: Health) -> tuple[dict[str, float], dict[str, str], int]:
    """Return the values and texts of a message by their names, and how many were not understood."""
    values: dict[str, float] = {}
    texts: dict[str, str] = {}
    for short, value in message.values.items():
        known = _BY_SHORT.get(short)
        if known is not None and math.isfinite(value) and known.low <= value <= known.high:
            values[known.name] = value
    for short, text in message.texts.items():
        name = _WORD_OF.get(short)
        if name is not None and text.isprintable():
            texts[name] = text[:MOST_CHARACTERS]
    unknown = len(message.values) + len(message.texts) - len(values) - len(texts)
    return values, texts, unknown


assert len(_BY_NAME) == len(_BY_SHORT) == len(VALUES) and len(_WORDS) == len(_WORD_OF) == len(TEXTS)
