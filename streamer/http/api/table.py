"""The table of all routes of the API."""

from __future__ import annotations

from loa.streamer.http.api import (
    air,
    airing,
    areas,
    audit,
    bulletins,
    heard,
    onair,
    openapi,
    people,
    proof_report,
    receiver_orders,
    receiver_packs,
    receiver_settings,
    receivers,
    reports,
    schedule,
    sessions,
    speech,
    tokens,
    webhooks,
)
from loa.streamer.http.api.route import Route

ROUTES: tuple[Route, ...] = (
    *areas.ROUTES,
    *sessions.ROUTES,
    *people.ROUTES,
    *tokens.ROUTES,
    *audit.ROUTES,
    *bulletins.ROUTES,
    *schedule.ROUTES,
    *reports.ROUTES,
    *speech.ROUTES,
    *air.ROUTES,
    *onair.ROUTES,
    *airing.ROUTES,
    *heard.ROUTES,
    *proof_report.ROUTES,
    *receivers.ROUTES,
    *receiver_orders.ROUTES,
    *receiver_settings.ROUTES,
    *receiver_packs.ROUTES,
    *webhooks.ROUTES,
    *openapi.ROUTES,
)
