"""What is to be known of the server's HTTPS before anybody can sign in."""

from __future__ import annotations

from loa.streamer.http.api.route import Access, Call, Model, Route


class HttpsState(Model):
    """Where this server is reached by HTTPS. ``port`` null: nowhere. ``names``: what it is called
    in its office, the best first; empty: as in the address bar. ``fingerprint``: the SHA-256 of the
    certificate at ``/loa-ca.crt``, which the office's devices are to trust; null: there is none."""

    port: int | None
    names: tuple[str, ...]
    fingerprint: str | None


async def https_state(call: Call) -> HttpsState:
    """Say where HTTPS is."""
    offer = call.services.https
    office = None if offer is None else offer.office()
    return HttpsState(
        port=None if offer is None or (offer.own and office is None) else offer.port,
        names=() if office is None else office.called,
        fingerprint=None if office is None else office.fingerprint,
    )


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/https", https_state, "Where HTTPS is, and whom to trust for it", Access.ANYONE,
        answer=HttpsState,
    ),
)  # fmt: skip
