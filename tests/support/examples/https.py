"""Calls about HTTPS."""

from __future__ import annotations

from support.examples import Asked, always

EXAMPLES = {"GET /https": always(Asked())}
