"""Every route × every role × where it is held, against what the routes declare.

The handlers are replaced: whatever passes the one check answers 204. What handlers require beyond
that is tested with their topics. ``test_examples.py`` runs each example for good.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from loa.streamer.core.rights import Permission, Role
from loa.streamer.http.api.route import Access, Call, Route
from loa.streamer.http.api.table import ROUTES
from support.desk import Office, desk_with_sample
from support.examples import ABOVE, BELOW, ELSEWHERE, HERE, Asked, everything

P = Permission
MAY = {
    Role.VIEWER: {P.READ},
    Role.EDITOR: {P.READ, P.BULLETIN_EDIT, P.QUEUE},
    Role.APPROVER: {P.READ, P.BULLETIN_EDIT, P.QUEUE, P.BULLETIN_APPROVE},
    Role.BROADCASTER: {P.READ, P.BULLETIN_EDIT, P.QUEUE, P.SCHEDULE, P.LIVE},
    Role.TECHNICIAN: {P.READ, P.RECEIVERS},
    Role.ADMINISTRATOR: set(P),
    Role.EMERGENCY: {P.READ, P.EMERGENCY},
}
"""What each role may, written down a second time."""
PLACES = (HERE, ABOVE, BELOW, ELSEWHERE)


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def declared(route: Route, asked: Asked, may: set[Permission], at: str, within: str = "/") -> bool:
    """Say whether somebody who ``may`` things on ``at`` (and ``within``) is to get through."""
    if not isinstance(route.needs, Permission):
        return True
    if route.needs not in may:
        return False
    if route.on is None:
        return (at + "/").startswith(within) or within.startswith(at + "/")
    return all((w + "/").startswith(at + "/") and (w + "/").startswith(within) for w in asked.where)


async def let_through(_: Call) -> web.Response:
    return web.Response(status=204)


@asynccontextmanager
async def office_of(path: Path) -> AsyncIterator[Office]:
    stubs = [replace(route, handler=let_through) for route in ROUTES]
    async with desk_with_sample(path, routes=stubs) as office:
        yield office


async def asks(office: Office, route: Route, asked: Asked, as_: str) -> int:
    path = route.path.replace(":text}", "}").format(**asked.params)
    async with await office.ask(route.method, path, as_=as_, **asked.request()) as answer:
        return answer.status


def test_every_route_has_an_example() -> None:
    assert {name(route) for route in ROUTES} == set(everything())
    assert len({name(route) for route in ROUTES}) == len(ROUTES)


async def test_every_route_for_every_role_everywhere(tmp_path: Path) -> None:
    wrong = []
    async with office_of(tmp_path) as office:
        examples = everything()
        for route in ROUTES:
            asked = await examples[name(route)](office)
            for role in Role:
                for place in PLACES:
                    status = await asks(office, route, asked, f"{role}@{place}")
                    expected = 204 if declared(route, asked, MAY[role], place) else 403
                    if status != expected:
                        wrong.append(f"{name(route)} {role}@{place}: {status}, not {expected}")
            status = await asks(office, route, asked, "nobody")
            if status != (204 if route.needs is Access.ANYONE else 401):
                wrong.append(f"{name(route)} nobody: {status}")
    assert not wrong, "\n".join(wrong)


async def test_a_token_may_what_its_scopes_and_its_area_leave(tmp_path: Path) -> None:
    wrong = []
    async with office_of(tmp_path) as office:
        examples = everything()
        for route in ROUTES:
            asked = await examples[name(route)](office)
            for scope in (Permission.READ, route.needs):
                for within in PLACES:
                    if not isinstance(scope, Permission):
                        continue
                    as_ = f"administrator@{ABOVE}#{scope}@{within}"
                    status = await asks(office, route, asked, as_)
                    good = declared(route, asked, {scope}, ABOVE, within + "/")
                    if route.needs is Access.IN_PERSON:
                        good = False
                    if status != (204 if good else 403):
                        wrong.append(f"{name(route)} {as_}: {status}, {good}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_what_a_route_says_is_whole(route: Route) -> None:
    assert route.summary and not route.summary.endswith(".")
    safe = ("GET", "HEAD", "OPTIONS")
    assert route.method in (*safe, "POST", "PUT", "PATCH", "DELETE")
    assert route.body is None or route.method != "GET"
    changes = route.method not in safe
    if changes and isinstance(route.needs, Permission):
        assert route.needs is not Permission.READ, "to read is not to change"
    assert route.body is None or not route.raw
    assert route.on is None or isinstance(route.needs, Permission)
