"""Times in the API: ISO 8601 with an offset outside, Unix seconds (float) inside.

    class Emergency(Model):
        starts_at: Time

A request must say the offset (``2026-09-21T21:00:00+07:00``, or ``Z``); answers are in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

REQUEST: dict[str, Any] = {"request": True}
"""The context in which requests are validated: what comes from outside must be text."""
EARLIEST = 0.0
LATEST = datetime(2200, 1, 1, tzinfo=UTC).timestamp()


def parse(text: str) -> float:
    """Return a time in Unix seconds. Raises ``ValueError``; its text is a code."""
    try:
        moment = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        raise ValueError("time.invalid") from None
    if moment.tzinfo is None:
        raise ValueError("time.offset")
    try:
        seconds = moment.timestamp()
    except (OverflowError, OSError):
        raise ValueError("time.range") from None
    if not EARLIEST <= seconds <= LATEST:
        raise ValueError("time.range")
    return seconds


def iso(seconds: float) -> str:
    """Return a time as the API says it: UTC, with milliseconds only where there are any."""
    milliseconds = round(seconds * 1000)
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    fraction = milliseconds % 1000
    return f"{moment:%Y-%m-%dT%H:%M:%S}" + (f".{fraction:03d}Z" if fraction else "Z")


def _read(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, int | float) and info.context is not REQUEST:
        return float(value)
    raise ValueError("time.invalid")


Time = Annotated[
    float,
    BeforeValidator(_read),
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
