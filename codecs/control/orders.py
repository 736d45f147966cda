"""Commands to a box: what stands in the signed body of ``messages.Command``.

An order is good for one box, one session (``session`` is the nonce of the box's ``Hello``), one
time (its number is greater than any before), and until ``expires`` by the server's clock as this
connection tells it. So the box needs no clock of its own to refuse what is old.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from loa.codecs.control.messages import Class, Count, Hash, MessageError, Nonce, Short, Tick
from loa.codecs.control.settings import Settings


class Action(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="do"):
    """The base of what can be ordered."""


class Play(Action, frozen=True, tag="play"):
    """Play prepared audio from ``start`` on, from its first packet; late is better than never.

    It is fetched first where it is not in the cache: ``size`` is its file's, in bytes. ``play``
    names the playing in the journal.
    """

    audio: Hash
    size: Count
    ticks: Count
    start: Tick
    play: Short
    cls: Class = 0
    bulletin: Count = 0
    sign: Annotated[str, Meta(max_length=200)] = ""


class Stop(Action, frozen=True, tag="stop"):
    """Be silent: until the mount carries something else, or for good what ``play`` names."""

    play: Short = ""


class Volume(Action, frozen=True, tag="volume"):
    """The volume in percent, until a restart or another order; the ceilings hold all the same."""

    percent: Annotated[int, Meta(ge=0, le=100)]


class Reboot(Action, frozen=True, tag="reboot"):
    """Restart the box's program, or the whole ``machine`` (if its configuration says how)."""

    machine: bool = False


class Sync(Action, frozen=True, tag="sync"):
    """Look for a new schedule, fetch what is missing, send what waits."""


class SelfTest(Action, frozen=True, tag="self_test"):
    """Test everything that can be without a sound; ``aloud``: with a short tone, too."""

    aloud: bool = False


class Set(Action, frozen=True, tag="settings"):
    """Keep and use these settings."""

    settings: Settings


class SignText(Action, frozen=True, tag="sign"):
    """Show a text on the LED sign (nothing: clear it), until ``until`` by the server's clock."""

    text: Annotated[str, Meta(max_length=200)]
    until: float | None = None


class NewKey(Action, frozen=True, tag="new_key"):
    """Make a new key and go over to it."""


Actions = Play | Stop | Volume | Reboot | Sync | SelfTest | Set | SignText | NewKey


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a command. Times are the server's clock, Unix seconds."""

    receiver: Count
    session: Nonce
    number: Annotated[int, Meta(ge=1, lt=1 << 48)]
    issued: float
    expires: float
    action: Actions


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Order)


def encode_order(order: Order) -> bytes:
    """Return the bytes that are signed and sent."""
    return _encoder.encode(order)


def decode_order(body: bytes) -> Order:
    """Read a body whose signature was checked. Raises ``MessageError``."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise MessageError(f"no command: {error}") from None
