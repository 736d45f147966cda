"""What the server says of its HTTPS to whoever asks, signed in or not."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from loa.streamer import logs
from loa.streamer.https import office
from loa.streamer.https.office import Office, OfficeError

PATH = "/loa-ca.crt"
MEDIA = "application/x-x509-ca-cert"
"""By this browsers and phones offer to install it."""

log = logs.get("https")


class Offer:
    """``port``: where TLS is spoken, once it is open; ``own``: with the server's own certificate,
    not one that the configuration names."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.port: int | None = None
        self.own = False

    def office(self) -> Office | None:
        """What ``loa https`` made, as it is now: no restart is needed to see it."""
        if not self.own:
            return None
        try:
            return office.read(self._data)
        except OfficeError as error:
            log.error("the office's HTTPS cannot be used", why=str(error))
            return None

    @property
    def url(self) -> str:
        """Where browsers of the office go; "" where that is not known."""
        found = self.office()
        if found is None or self.port is None:
            return ""
        name = found.called[0]
        return f"https://{f'[{name}]' if ':' in name else name}:{self.port}"

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the authority's certificate; before the catch-all."""
        router.add_get(PATH, self._certificate)

    async def _certificate(self, _: web.Request) -> web.Response:
        found = self.office()
        if found is None:
            return web.Response(status=404, text="this server has no authority of its own\n")
        headers = {
            "Cache-Control": "no-cache",
            "Content-Disposition": 'attachment; filename="loa-ca.crt"',
            "X-Content-Type-Options": "nosniff",
        }
        return web.Response(body=found.pem, content_type=MEDIA, headers=headers)
