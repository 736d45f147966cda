"""The API of a running server, from outside: JSON over HTTP with a bearer token."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PASSWORD = "một mật khẩu chỉ để thử"


@dataclass
class ApiClient:
    """Calls one server as one account; ``sign_in`` or ``set_up`` make it."""

    url: str
    token: str = ""
    trusted: ssl.SSLContext | None = None
    """Over TLS: whose certificates hold."""

    @classmethod
    def set_up(cls, url: str, code: str, trusted: ssl.SSLContext | None = None) -> ApiClient:
        """Make the first administrator, and sign in as him."""
        client = cls(url, trusted=trusted)
        client.call("POST", "/setup", {"code": code, "login": "lan", "name": "Lan",
                                       "password": PASSWORD})  # fmt: skip
        return cls.sign_in(url, trusted=trusted)

    @classmethod
    def sign_in(
        cls, url: str, login: str = "lan", trusted: ssl.SSLContext | None = None
    ) -> ApiClient:
        """Sign in."""
        said = cls(url, trusted=trusted).call(
            "POST", "/sign-in", {"login": login, "password": PASSWORD, "cookie": False}
        )
        return cls(url, said["token"], trusted)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: int | None = None,
        status: int | None = None,
        kind: str = "application/octet-stream",
    ) -> Any:
        """Call; return the JSON of the answer. ``body``: bytes are sent as they are, as ``kind``.

        ``status``: what it must be; None: anything below 300.
        """
        headers = {"Accept-Language": "en"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        data = None
        if isinstance(body, bytes):
            data, headers["Content-Type"] = body, kind
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.trusted) as answer:
                code, said = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                code, said = error.code, error.read()
        right = code < 300 if status is None else code == status
        assert right, f"{method} {path}: {code} {said.decode(errors='replace')}"
        try:
            return json.loads(said) if said else None
        except ValueError:
            return said

    def until(self, path: str, what: Callable[[Any], object], seconds: float = 30.0) -> Any:
        """Ask until the answer is as it should be, and return it; fail after a while."""
        end = time.monotonic() + seconds
        while not what(said := self.call("GET", path)):
            assert time.monotonic() < end, said
            time.sleep(0.1)
        return said

    def area(self, path: str) -> int:
        """Return the id of an area."""
        tree = self.call("GET", "/areas?limit=1000")
        return next(int(area["id"]) for area in tree["items"] if area["path"] == path)

    def approved(self, area: int, title: str, recording: bytes, **given: Any) -> int:
        """Make a bulletin of a recording, submit and approve it; return its id."""
        made = self.call("POST", "/bulletins", {"area": area, "title": title, **given})
        place = f"/bulletins/{made['id']}"
        self.call("POST", f"{place}/audio", recording)
        ready = self.until(place, lambda b: b["audio"]["state"] in ("ready", "failed"))
        assert ready["audio"]["state"] == "ready", ready
        submitted = self.call("POST", f"{place}/submit", version=ready["version"])
        self.call("POST", f"{place}/approve", version=submitted["version"])
        return int(made["id"])
