"""How receivers are to behave: what each area says holds below it, and each may differ.

What is said is a mapping by the names in ``SETTABLE``; what holds is a ``Settings``, as the box
gets it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from loa.codecs.control.settings import Settings

SETTABLE = (
    "cadence", "delay_ms", "volume", "quiet", "cache_mb", "days", "off_peak", "health_every",
    "self_test",
)  # fmt: skip
"""What an area may say, and a receiver."""
OWN = ("trim_ms",)
"""What is only about one receiver."""
DECIDED = ("cached_only",)
"""What the server decides by itself, receiver by receiver."""

MARK = 16
"""Digits of the digest by which a box says which settings it has."""


class SettingsRefused(ValueError):
    """These cannot be; the text says which and why, in English."""


def checked(said: Mapping[str, Any], names: Sequence[str] = SETTABLE) -> dict[str, Any]:
    """Return what is said as it is kept. Raises ``SettingsRefused``."""
    unknown = set(said) - set(names)
    if unknown:
        raise SettingsRefused(f"there is no setting {min(unknown)}")
    try:
        msgspec.convert(dict(said), Settings)
    except msgspec.ValidationError as error:
        raise SettingsRefused(str(error)) from None
    return {name: said[name] for name in names if said.get(name) is not None}


def effective(said: Sequence[Mapping[str, Any]], **about: Any) -> Settings:
    """Return what holds where this is said, nearest first; ``about``: the area and the receiver."""
    chosen = {
        name: next((each[name] for each in said if each.get(name) is not None), None)
        for name in (*SETTABLE, *OWN, *DECIDED)
    }
    known = {name: value for name, value in chosen.items() if value is not None}
    settings = msgspec.convert({**known, **about}, Settings)
    return msgspec.structs.replace(settings, mark=digest(settings)[:MARK])


def digest(settings: Settings) -> str:
    """Return what tells settings apart, whatever their version: SHA-256 in hex."""
    plain = msgspec.structs.replace(settings, version=0, mark="")
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
