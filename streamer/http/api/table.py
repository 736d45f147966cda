"""The table of all routes of the API."""

from __future__ import annotations

from loa.streamer.http.api import (
    air,
    airing,
    areas,
    bulletins,
    openapi,
    people,
    reports,
    schedule,
    speech,
    webhooks,
)
from loa.streamer.http.api.route import Route

ROUTES: tuple[Route, ...] = (
    *areas.ROUTES,
    *people.ROUTES,
    *bulletins.ROUTES,
    *schedule.ROUTES,
    *reports.ROUTES,
    *speech.ROUTES,
    *air.ROUTES,
    *airing.ROUTES,
    *webhooks.ROUTES,
    *openapi.ROUTES,
)
