"""The studio and the dashboard as browsers fetch them: built files, served from memory.

The sources lie beside this module (TypeScript and Svelte); ``make web`` builds them into ``dist``.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from aiohttp import web

from loa.streamer.http.api.identify import secure

SECTIONS = (
    "account",
    "audit",
    "bulletins",
    "emergency",
    "https",
    "password",
    "receivers",
    "reports",
    "schedule",
    "settings",
    "setup",
    "sign-in",
    "sims",
    "studio",
)  # fmt: skip
"""The first words of the pages' addresses (``src/routes.ts``): there the one page is answered,
which knows what to show. ``/`` is one too."""
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(self)",
}
HASHED = "web/"
"""What lies here has the hash of what is in it in its name, so it may be kept for ever."""
KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".webp": "image/webp",
    ".wasm": "application/wasm",
}
COMPRESSED = (".html", ".js", ".css", ".svg", ".json", ".wasm")
NOT_BUILT = """\
The pages have not been built. From a clone: make web
(it needs Node.js 20.19 or later, and brings its own where there is none)
"""


@dataclass(frozen=True, slots=True)
class File:
    """A built file, ready to be sent."""

    body: bytes
    packed: bytes | None
    """The same by gzip, where that is smaller."""
    kind: str
    etag: str
    kept: bool

    @classmethod
    def of(cls, path: str, body: bytes) -> File:
        """Prepare a file. ``path`` is below ``dist``."""
        extension = "." + path.rpartition(".")[2]
        packed = gzip.compress(body, 6, mtime=0) if extension in COMPRESSED else None
        if packed is not None and len(packed) >= len(body):
            packed = None
        return cls(
            body, packed, KINDS[extension], hashlib.sha256(body).hexdigest()[:20],
            path.startswith(HASHED),
        )  # fmt: skip

    def answer(self, request: web.Request) -> web.Response:
        """Return it, or that the browser has it already."""
        headers = {
            **SECURITY,
            # Browsers complain of it where it cannot hold.
            **({"Cross-Origin-Opener-Policy": "same-origin"} if secure(request) else {}),
            "Cache-Control": "public, max-age=31536000, immutable" if self.kept else "no-cache",
            "ETag": f'"{self.etag}"',
            "Vary": "Accept-Encoding",
        }
        if self.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        body = self.body
        if self.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            body = self.packed
            headers["Content-Encoding"] = "gzip"
        charset = "utf-8" if self.kind.startswith("text/") else None
        return web.Response(body=body, content_type=self.kind, charset=charset, headers=headers)


class Site:
    """The built pages. ``folder`` holds ``index.html`` and what it asks for.

    ``files``: all of them, by their path below it.
    """

    def __init__(self, folder: Traversable | None = None) -> None:
        folder = files("loa.streamer.web") / "dist" if folder is None else folder
        self.files = {path: File.of(path, body) for path, body in _below(folder)}

    @property
    def built(self) -> bool:
        """Whether there is anything to show."""
        return "index.html" in self.files

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the routes; before the catch-all."""
        router.add_get("/", self.page)
        router.add_get("/listen", self.listen)
        router.add_get("/listen/{area:.+}", self.listen)
        for section in SECTIONS:
            router.add_get(f"/{section}", self.page)
            router.add_get(f"/{section}/{{rest:.*}}", self.page)
        for path in self.files:
            if path not in ("index.html", "listen.html"):
                router.add_get(f"/{path}", self.file)
        router.add_get(f"/{HASHED}{{rest:.*}}", self.gone)

    async def page(self, request: web.Request) -> web.Response:
        """The desk: one page that shows all others."""
        return self._html("index.html", request)

    async def listen(self, request: web.Request) -> web.Response:
        """What everybody sees: all stations, or one (``src/listen``)."""
        return self._html("listen.html", request)

    def _html(self, name: str, request: web.Request) -> web.Response:
        if not self.built:
            return web.Response(status=503, text=NOT_BUILT)
        return self.files[name].answer(request)

    async def file(self, request: web.Request) -> web.Response:
        """What the page is made of."""
        return self.files[request.path[1:]].answer(request)

    async def gone(self, _: web.Request) -> web.Response:
        """A piece of an older build, asked for by a page that was left open over an update."""
        return web.Response(status=404, text="not of this version: load the page again\n")


def _below(folder: Traversable, at: str = "") -> Iterator[tuple[str, bytes]]:
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _below(entry, f"{at}{entry.name}/")
        elif "." + entry.name.rpartition(".")[2] in KINDS:
            yield f"{at}{entry.name}", entry.read_bytes()
