"""The little of the server's API that the fleet needs: to add receivers, and the as-run log."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

from loa.receivers.fleet.judge import Due

CLASSES = {"routine": 0, "priority": 1, "emergency": 2}
PAGE = 500
AT_ONCE = 1000
TIMEOUT = 120.0


class OfficeError(Exception):
    """The API refused, or cannot be reached; the text says why."""


class Office:
    """The API of a server (``http://host:port``), as whom the token names."""

    def __init__(self, server: str, token: str) -> None:
        self.server = server.rstrip("/")
        self._token = token

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call it; return the JSON of the answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.server}/api/v1{path}", data, method=method,
            headers={
                "Authorization": f"Bearer {self._token}", "Content-Type": "application/json",
                "Accept-Language": "en",
            },
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(2000).decode(errors="replace")
            with contextlib.suppress(ValueError, KeyError, TypeError):
                said = json.loads(said)["error"]["message"]
            hint = "; loa sign-in, or LOA_TOKEN, says who you are" if error.code == 401 else ""
            raise OfficeError(f"{self.server}: {said}{hint}") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise OfficeError(f"{self.server} cannot be reached: {why}") from None

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of a list."""
        after = None
        while True:
            given = {**query, "limit": PAGE, **({} if after is None else {"after": after})}
            part = self.call("GET", f"{path}?{urlencode(given)}")
            yield from part["items"]
            after = part["next"]
            if after is None:
                return

    def villages(self, under: str = "") -> list[str]:
        """Return the paths of the areas that have none below them, at or below ``under``."""
        paths = sorted(area["path"] for area in self.pages("/areas"))
        parents = {path.rpartition("/")[0] for path in paths}
        below = under.rstrip("/")
        return [
            path for path in paths
            if path not in parents and (path == below or path.startswith(below + "/"))
        ]  # fmt: skip

    def add(self, wanted: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        """Add a receiver for each (number, area's path); return their numbers and codes."""
        codes = []
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            items = [
                {"area": path, "name": f"Mô phỏng {number:05d} (dữ liệu mẫu)"}
                for number, path in some
            ]
            said = self.call("POST", "/receivers/list", {"items": items})["items"]
            codes += [(number, each["code"]) for (number, _), each in zip(some, said, strict=True)]
        return codes

    def areas(self) -> dict[str, int]:
        """Return the ids of all areas by their paths."""
        return {area["path"]: int(area["id"]) for area in self.pages("/areas")}

    def aired(self, area: int, begin: str, now: int) -> list[Due]:
        """Return what an area's mount carried since a time (ISO 8601).

        ``now``: the tick at which what still goes on is cut off.
        """
        return [
            Due(
                row["from_tick"], now if row["to_tick"] is None else row["to_tick"], row["kind"],
                CLASSES[row["class"]], row["play"],
            )
            for row in self.pages(f"/areas/{area}/aired", **{"from": begin})
        ]  # fmt: skip
