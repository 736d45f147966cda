"""What people are told, by code, in Vietnamese and English: ``code → (vi, en)``.

A text may hold placeholders (``{name}``), filled from the values of whatever was refused.
"""

from __future__ import annotations

from typing import Any

from loa.streamer.http.api.texts import (
    air,
    airing,
    areas,
    bulletins,
    common,
    heard,
    people,
    receiver_orders,
    receiver_packs,
    receivers,
    reports,
    schedule,
    sims,
    speech,
    webhooks,
)

TEXTS: dict[str, tuple[str, str]] = {
    **common.TEXTS,
    **areas.TEXTS,
    **people.TEXTS,
    **bulletins.TEXTS,
    **schedule.TEXTS,
    **sims.TEXTS,
    **reports.TEXTS,
    **speech.TEXTS,
    **air.TEXTS,
    **airing.TEXTS,
    **heard.TEXTS,
    **receivers.TEXTS,
    **receiver_orders.TEXTS,
    **receiver_packs.TEXTS,
    **webhooks.TEXTS,
}
LANGUAGES = ("vi", "en")


def say(code: str, language: str, values: dict[str, Any]) -> str:
    """Return the text of a code in ``vi`` or ``en``; the code itself where there is none."""
    text = TEXTS.get(code)
    if text is None:
        return code
    return text[LANGUAGES.index(language)].format_map(_Lenient(values))


def language_of(accept: str) -> str:
    """Return the language of ours that an ``Accept-Language`` prefers; Vietnamese if none."""
    best, found = 0.0, "vi"
    for part in accept[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        try:
            quality = float(parameters.strip().removeprefix("q=") or 1.0)
        except ValueError:
            continue
        language = tag.strip().lower().split("-")[0]
        if language in LANGUAGES and quality > best:
            best, found = quality, language
    return found


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
