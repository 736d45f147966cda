"""A desk with a small sample province, people with each role, and the API without a network's rest.

    async with desk_with_sample(tmp_path) as office:
        answer = await office.call("POST", "/areas", as_="administrator@/ha-giang", json={…})

Whoever calls is named as ``role@/path`` (``emergency``, ``viewer`` …), ``nobody`` or ``server``; no
passwords and sessions take part, unless ``office.client`` is used without naming anybody.
Set ``LOA_TEST_DATABASE`` to a PostgreSQL URL to run on that.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from sqlalchemy import text

from loa.streamer.core.areas import Area
from loa.streamer.core.rights import Grant, Permission, Rights, Role
from loa.streamer.counters import Counters
from loa.streamer.desk.air import Quiet
from loa.streamer.desk.air_book import AirBook
from loa.streamer.desk.desk import Actor, Desk, Happening, server_actor
from loa.streamer.desk.identity import Identity
from loa.streamer.desk.passwords import Passwords
from loa.streamer.desk.preparer import Preparer
from loa.streamer.desk.services import Services
from loa.streamer.desk.uploads import UploadLimits, Uploads
from loa.streamer.fleet.fleet import Fleet
from loa.streamer.http.api.dispatch import Api
from loa.streamer.http.api.identify import identify
from loa.streamer.http.api.route import Route
from loa.streamer.http.api.table import ROUTES
from loa.streamer.http.push import Push
from loa.streamer.ingest.uploads import UploadFiles
from loa.streamer.speech.voices import Voices
from loa.streamer.store.store import FILE, Store, database_url
from loa.streamer.store.tables import Base
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.people import AccountRow, GrantRow
from support.voice import Hum

SAMPLE: tuple[tuple[str, str, bool], ...] = (
    ("/ha-giang", "Hà Giang (dữ liệu mẫu)", True),
    ("/ha-giang/quang-binh", "Quang Bình (dữ liệu mẫu)", True),
    ("/ha-giang/quang-binh/na-khuong", "Nà Khương (dữ liệu mẫu)", True),
    ("/ha-giang/quang-binh/na-khuong/ban-rua", "Bản Rừa (dữ liệu mẫu)", False),
    ("/ha-giang/quang-binh/na-khuong/ban-mac", "Bản Mạc (dữ liệu mẫu)", False),
    ("/ha-giang/quang-binh/tien-nguyen", "Tiên Nguyên (dữ liệu mẫu)", True),
    ("/ha-giang/quang-binh/xuan-minh", "Xuân Minh (dữ liệu mẫu)", True),
    ("/tuyen-quang", "Tuyên Quang (dữ liệu mẫu)", True),
)
NOW = 1_790_000_000.0
"""When the desk's clock starts: 2026-09-21, a Monday, 21:13:20 in Vietnam."""


@dataclass
class Clock:
    """A clock that stands still until it is told otherwise."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Office:
    """What a test of the desk has."""

    desk: Desk
    clock: Clock
    client: TestClient[web.Request, web.Application]
    services: Services
    happened: list[Happening] = field(default_factory=list)
    accounts: dict[str, int] = field(default_factory=dict)
    """The accounts that were made for those who were named, by name."""

    def area(self, path: str) -> Area:
        area = self.desk.tree.find(path)
        assert area is not None, path
        return area

    @property
    def server(self) -> Actor:
        return server_actor(self.desk.tree)

    async def actor(self, who: str) -> Actor:
        """Return ``role@/path`` as an actor with an account of its own, made when first asked.

        ``role@/path#scope@/area``: by a token that allows only ``scope``, within an area.
        """
        who, _, token = who.partition("#")
        if who == "server":
            return self.server
        role, _, path = who.partition("@")
        area = self.area(path)
        id = self.accounts.get(who)
        if id is None:
            id = self.accounts[who] = await self._add_account(who, area, role)
        grants = (Grant(area.id, Role(role)),)
        if not token:
            return Actor(id, who, Rights(grants))
        scope, _, within = token.partition("@")
        scopes = frozenset({Permission(scope)})
        return Actor(id, who, Rights(grants, scopes, self.area(within).id), token=1)

    async def _add_account(self, login: str, area: Area, role: str) -> int:
        async with self.desk.store.write() as db:
            row = AccountRow(login=login, name=login, password="!", created_at=self.clock.now)
            db.add(row)
            await db.flush()
            db.add(
                GrantRow(
                    account_id=row.id, area_id=area.id, role=role,
                    created_at=self.clock.now, created_by="test",
                )
            )  # fmt: skip
        return row.id

    async def call(
        self,
        method: str,
        path: str,
        *,
        as_: str = "administrator@/ha-giang",
        status: int | None = None,
        language: str = "en",
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> Any:
        """Call the API; return the answer's JSON (None without one), after checking ``status``.

        ``status`` None: anything below 300.
        """
        answer = await self.ask(
            method, path, as_=as_, language=language, headers=headers, **request
        )
        async with answer:
            raw = await answer.read()
            right = answer.status < 300 if status is None else answer.status == status
            assert right, f"{method} {path}: {answer.status} {raw.decode(errors='replace')}"
            return await answer.json() if raw and "json" in answer.content_type else None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        as_: str = "administrator@/ha-giang",
        language: str = "en",
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> ClientResponse:
        """Call the API; return the response, to be closed by the caller."""
        if as_ != "nobody":
            await self.actor(as_)
        named = {"Accept-Language": language, "X-Test-Actor": as_, **(headers or {})}
        return await self.client.request(method, "/api/v1" + path, headers=named, **request)


class StandingTimeline:
    """A timeline that stands still."""

    tick = 3_000_000_000

    def deadline(self, tick: int) -> float:
        return time.monotonic()


def _unreachable(desk: Desk) -> Fleet:
    return Fleet(desk, StandingTimeline(), desk.data)


_migrated: list[bytes] = []


async def empty_store(tmp_path: Path) -> Store:
    """Open an empty database: a new file, or the PostgreSQL of ``LOA_TEST_DATABASE``, emptied."""
    url = os.environ.get("LOA_TEST_DATABASE")
    file = tmp_path / FILE
    if url is None and not file.exists():
        # The migrations run once; whoever comes later begins with a copy of what they made.
        if not _migrated:
            await (await Store.open(database_url(None, tmp_path))).close()
            _migrated.append(file.read_bytes())
        else:
            file.write_bytes(_migrated[0])
    store = await Store.open(database_url(url, tmp_path))
    if url is not None:
        names = ", ".join(f'"{name}"' for name in Base.metadata.tables)
        async with store.engine.begin() as connection:
            await connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    return store


@contextlib.asynccontextmanager
async def desk_with_sample(
    tmp_path: Path,
    *,
    areas: Iterable[tuple[str, str, bool]] = SAMPLE,
    routes: Iterable[Route] = ROUTES,
    services: Any = None,
    fleet: Callable[[Desk], Fleet] | None = None,
) -> AsyncIterator[Office]:
    """Open a desk with areas (path, name, station), and its API; see the module.

    ``fleet`` makes the receivers' side; by default one that no box can reach.
    """
    store = await empty_store(tmp_path)
    clock = Clock()
    desk = Desk(store, tmp_path, Counters(), clock)
    ids: dict[str, int] = {}
    async with store.write() as db:
        for path, name, station in areas:
            row = AreaRow(
                parent_id=ids.get(path.rpartition("/")[0]), name=name, path=path,
                station=station, created_at=clock.now,
            )  # fmt: skip
            db.add(row)
            await db.flush()
            ids[path] = row.id
    await desk.load()
    found: list[Office] = []

    identity = Identity(desk, Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
    really = identify(identity)

    async def named(request: web.Request) -> Actor | None:
        who = request.headers.get("X-Test-Actor")
        if who is None:
            return await really(request)
        return None if who == "nobody" else await found[0].actor(who)

    app = web.Application()
    given = services
    receivers = (fleet or _unreachable)(desk)
    if given is None:
        files = UploadFiles(tmp_path / "uploads", 0, desk.counters)
        air = Quiet()
        given = Services(
            air=air,
            identity=identity,
            uploads=Uploads(desk, files, UploadLimits()),
            preparer=Preparer(desk, files),
            voices=Voices((Hum(),)),
            fleet=receivers,
            push=Push(desk, AirBook(air, lambda: desk.tree, receivers.boxes)),
        )
    Api(desk, given, routes, named).add_routes(app.router)
    try:
        async with TestClient(TestServer(app)) as client:
            office = Office(desk, clock, client, given)
            found.append(office)
            desk.bus.subscribe(office.happened.append)
            yield office
    finally:
        if given.push is not None:
            await given.push.close()
        await receivers.stop()
        await store.close()
