"""What commands share: calling a server's API, showing what it answers, and how they fail.

::

    app = typer.Typer(help="…", no_args_is_help=True)

    @app.command("list")
    def list_areas(server: Server = None, as_json: AsJson = False) -> None:
        with talk(server, as_json) as client:
            client.table(client.pages("/areas"), ("id", "path", "name"))

A command ends with 0; with 1 when the server refuses or cannot be reached, and says why; with 2
when it is used wrongly.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from importlib.metadata import version as package_version
from pathlib import Path
from typing import IO, Annotated, Any
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

DEFAULT_SERVER = "http://127.0.0.1:8000"
TIMEOUT = 60.0
PAGE = 500

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="LOA_SERVER",
        help=f"The server's address; where `loa sign-in` went last, else {DEFAULT_SERVER}.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for scripts.")]


class Refused(Exception):
    """The server said no. ``error`` is what it said: code, message, fields, conflicts."""

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message") or error.get("code") or status))
        self.status = status
        self.error = error


class Unreachable(Exception):
    """There is no answer to be had; the text says from where and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``version`` is what a change has to give as ``If-Match``."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's JSON, None without a body."""
        return json.loads(self.body) if self.body else None

    @property
    def version(self) -> int:
        """The version of the thing, from ``ETag``."""
        return int(self.headers.get("ETag", '"0"').strip('"'))


class Client:
    """A connection to one server, with one identity. Raises ``Refused`` and ``Unreachable``."""

    def __init__(self, server: str, token: str | None = None, *, as_json: bool = False) -> None:
        self.server = server.rstrip("/")
        self.token = token
        self.as_json = as_json
        self._url = urlsplit(self.server if "://" in self.server else f"http://{self.server}")
        self._connection: http.client.HTTPConnection | None = None
        if self._url.scheme not in ("http", "https") or not self._url.hostname:
            raise Unreachable(f"{server} is no server's address: give http:// or https://…")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- calls

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        /,
        *,
        version: int | None = None,
        data: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """Call ``/api/v1`` + ``path``; ``body`` is sent as JSON, or ``data`` as it is.

        ``version``: which one is changed (``If-Match``). ``query``: None is left out, a list is
        given several times.
        """
        target = f"{self._url.path.rstrip('/')}/api/v1{quote(path)}"
        given = {k: v for k, v in query.items() if v is not None}
        if given:
            target += "?" + urlencode({k: _word(v) for k, v in given.items()}, doseq=True)
        sent = {
            "Accept": "application/json",
            "Accept-Language": _language(),
            "User-Agent": f"loa/{package_version('loa')}",
            **(headers or {}),
        }
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if version is not None:
            sent["If-Match"] = f'"{version}"'
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
            sent["Content-Type"] = "application/json"
        answer = self._send(method, target, data, sent)
        if answer.status >= 300:
            raise Refused(answer.status, _error(answer))
        return answer

    def get(self, path: str, /, **query: Any) -> Any:
        """Return the JSON of a GET."""
        return self.call("GET", path, **query).json()

    def post(self, path: str, body: Any = None, /, **more: Any) -> Any:
        """Return the JSON of a POST."""
        return self.call("POST", path, body, **more).json()

    def change(self, method: str, path: str, body: Any = None, *, of: str | None = None) -> Any:
        """Change what has a version: the newest one, looked up at ``of`` (``path``) just before."""
        version = self.call("GET", of or path).version
        return self.call(method, path, body, version=version).json()

    def pages(self, path: str, /, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page by page."""
        after = None
        while True:
            part = self.get(path, limit=PAGE, after=after, **query)
            yield from part["items"]
            after = part["next"]
            if after is None:
                return

    def area(self, path_or_id: str) -> int:
        """Return the id of an area that is named by its path, a former one too, or its id."""
        if path_or_id.isdigit():
            return int(path_or_id)
        for area in self.get("/areas", path=path_or_id[:500])["items"]:
            return int(area["id"])
        raise Refused(404, {"code": "area.unknown", "message": f"there is no area {path_or_id}"})

    def _send(
        self, method: str, target: str, data: bytes | IO[bytes] | None, headers: dict[str, str]
    ) -> Answer:
        for fresh in (False, True):
            reused = self._connection is not None
            connection = self._connect()
            try:
                connection.request(method, target, data, headers)
                response = connection.getresponse()
                return Answer(response.status, dict(response.getheaders()), response.read())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
                # A connection that was kept may have been closed meanwhile.
                self.close()
                if fresh or not reused:
                    raise Unreachable(f"{self.server} hung up: {error}") from None
            except ssl.SSLCertVerificationError as error:
                self.close()
                raise Unreachable(
                    f"{self.server}: its certificate is not trusted: {error.verify_message}"
                ) from None
            except (OSError, http.client.HTTPException) as error:
                self.close()
                why = getattr(error, "strerror", None) or str(error) or type(error).__name__
                raise Unreachable(f"{self.server} cannot be reached: {why}") from None
        raise AssertionError

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            secure = self._url.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            assert self._url.hostname is not None
            try:
                port = self._url.port
            except ValueError:
                raise Unreachable(f"{self.server}: there is no such port") from None
            self._connection = kind(self._url.hostname, port, timeout=TIMEOUT)
        return self._connection

    # --- showing

    def show(self, answer: Any, *, done: str = "") -> None:
        """Print one answer: as JSON, or ``done``, or its fields."""
        if self.as_json:
            print_json(answer)
        elif done:
            print(done)
        elif isinstance(answer, Mapping):
            table = Table.grid(padding=(0, 2))
            for key, value in answer.items():
                table.add_row(str(key), Text(_cell(value)))
            draw(table)

    def table(self, items: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """Print a list: as JSON, or as a table of these fields (``area.path`` looks inside)."""
        if self.as_json:
            print_json(list(items))
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column.replace("_", " "), overflow="fold")
        for item in items:
            table.add_row(*(Text(_cell(_inside(item, column))) for column in columns))
        draw(table)


@contextmanager
def talk(server: str | None = None, as_json: bool = False) -> Iterator[Client]:
    """Give a client of the server that is meant; ends the command when something is refused."""
    try:
        kept = read_kept()
        where = server or kept.get("server") or DEFAULT_SERVER
        token = os.environ.get("LOA_TOKEN")
        if token is None and kept.get("server") == where.rstrip("/"):
            token = kept.get("token")
        client = Client(where, token, as_json=as_json)
        try:
            yield client
        finally:
            client.close()
    except (Refused, Unreachable) as error:
        complain(error, as_json)
        raise typer.Exit(1) from None


def complain(error: Refused | Unreachable, as_json: bool = False) -> None:
    """Say what was refused, field by field, on standard error; with ``--json`` as it is."""
    if isinstance(error, Unreachable):
        print(f"loa: {error}", file=sys.stderr)
        return
    if as_json:
        print_json({"error": error.error})
    print(f"loa: {error}", file=sys.stderr)
    for field in error.error.get("fields", ()):
        print(f"  {field['field'] or 'request'}: {field['message']}", file=sys.stderr)
    for other in error.error.get("conflicts", ()):
        what = " ".join(str(other[key]) for key in ("kind", "id") if key in other)
        rest = (str(value) for key, value in other.items() if key not in ("kind", "id"))
        print(f"  {what}: {', '.join(rest)}", file=sys.stderr)
    if error.status == 401:
        print("  loa sign-in --server URL, or LOA_TOKEN, says who you are", file=sys.stderr)


def print_json(value: Any) -> None:
    """Print JSON for scripts."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


# --- who one is, kept between commands


def kept_file() -> Path:
    """Return where ``loa sign-in`` keeps what it got."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "loa" / "session.json"


def read_kept() -> dict[str, str]:
    """Return ``server`` and ``token`` of the last sign-in; empty without one."""
    try:
        kept = json.loads(kept_file().read_bytes())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def keep(server: str, token: str) -> Path:
    """Keep who one is, for nobody else to read; return the file."""
    file = kept_file()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        json.dump({"server": server.rstrip("/"), "token": token}, opened)
    new.replace(file)
    return file


# --- small things


def there(moment: str, timezone: str) -> str:
    """Return a moment of the API's as people of that time zone write it."""
    try:
        zone: tzinfo = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):  # this machine knows no time zones
        zone = UTC
    at = datetime.fromisoformat(moment).astimezone(zone)
    return at.strftime("%a %d %b %H:%M") + (" UTC" if zone is UTC else "")


def draw(what: Table | Tree) -> None:
    """Print a table or a tree."""
    console = Console()
    if not console.is_terminal:
        # Piped into a file, a table is as wide as it needs to be.
        console = Console(width=400)
    console.print(what)


def _error(answer: Answer) -> Mapping[str, Any]:
    try:
        error = answer.json()["error"]
        if isinstance(error, Mapping):
            return error
    except (ValueError, KeyError, TypeError):
        pass
    text = answer.body[:300].decode(errors="replace").strip()
    return {"code": "failed", "message": f"the server answered {answer.status}: {text}"}


def _language() -> str:
    words = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG", "")
    return "vi" if words.lower().startswith("vi") else "en"


def _word(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _inside(item: Any, column: str) -> Any:
    for key in column.split("."):
        item = item.get(key) if isinstance(item, Mapping) else None
    return item


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(part) for part in value)
    if isinstance(value, Mapping):
        return " ".join(_cell(part) for part in value.values())
    return str(value)
