"""Calls about people."""

from __future__ import annotations

from loa.streamer.http.api.route import Route

ROUTES: tuple[Route, ...] = ()
