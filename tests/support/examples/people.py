"""Examples of the calls about people, and of the API itself."""

from __future__ import annotations

from support.desk import Office
from support.examples import Asked, Example, always
from support.people import PASSWORD, add_account


async def sign_in(office: Office) -> Asked:
    login = f"person{len(office.happened)}"
    await add_account(office, login)
    return Asked(json={"login": login, "password": PASSWORD})


EXAMPLES: dict[str, Example] = {
    "GET /openapi.json": always(Asked()),
    "POST /sign-in": sign_in,
    "POST /sign-out": always(Asked()),
    "GET /me": always(Asked()),
}
