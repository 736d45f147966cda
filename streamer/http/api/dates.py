"""Dates in the API: ``2026-09-21``, of an area's own calendar."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

YEARS = range(2000, 2200)


def _date(value: Any) -> Any:
    if isinstance(value, date):
        return value
    try:
        day = date.fromisoformat(value)
    except (ValueError, TypeError):
        raise ValueError("slot.date") from None
    if day.year not in YEARS:
        raise ValueError("slot.date")
    return day


Date = Annotated[date, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
