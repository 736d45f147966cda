"""Examples of the calls about people, their tokens and the audit log, and of the API itself."""

from __future__ import annotations

from sqlalchemy import func, select

from loa.streamer.core.rights import BulletinClass, Permission, Role
from loa.streamer.desk import grants, people, sessions, tokens
from loa.streamer.store.tables.people import AccountRow
from support.desk import Office
from support.examples import HERE, Asked, Example, always, here
from support.people import PASSWORD, WEAK, add_account

ME = "administrator@/ha-giang"
NEW_PASSWORD = "một mật khẩu mới"


async def login(office: Office) -> str:
    """Return a login that nobody has."""
    async with office.desk.store.read() as db:
        return f"person{await db.scalar(select(func.count()).select_from(AccountRow))}"


async def person(office: Office) -> int:
    """Make an account with a role on ``HERE``."""
    return await add_account(office, await login(office), "editor", HERE)


async def sign_in(office: Office) -> Asked:
    name = await login(office)
    await add_account(office, name)
    return Asked(json={"login": name, "password": PASSWORD})


async def set_up(office: Office) -> Asked:
    return Asked(
        json={
            "code": await people.recover(office.desk),
            "login": await login(office),
            "name": "Lan",
            "password": PASSWORD,
        }
    )


async def change_password(office: Office) -> Asked:
    me = await office.actor(ME)
    async with office.desk.store.write() as db:
        row = await db.get(AccountRow, me.account)
        assert row is not None
        row.password = WEAK.hash(PASSWORD)
    return Asked(json={"current": PASSWORD, "password": NEW_PASSWORD})


async def session(office: Office) -> Asked:
    me = await office.actor(ME)
    async with office.desk.work(me) as work:
        row = await work.db.get(AccountRow, me.account)
        assert row is not None and me.account is not None
        await sessions.begin(work, row, "127.0.0.1", "test")
        await work.db.flush()
        found = await sessions.standing(work.db, me.account, work.now)
    return Asked(params={"session": found[0].id})


async def create(office: Office) -> Asked:
    return Asked(
        json={
            "login": await login(office),
            "name": "Lan",
            "password": PASSWORD,
            "grants": [{"area": here(office), "role": "editor"}],
        }
    )


async def of_person(office: Office) -> Asked:
    return Asked(params={"account": await person(office)})


async def change(office: Office) -> Asked:
    return Asked(params={"account": await person(office)}, json={"name": "Lan Anh"}, version=1)


async def set_password(office: Office) -> Asked:
    return Asked(params={"account": await person(office)}, json={"password": NEW_PASSWORD})


async def give(office: Office) -> Asked:
    return Asked(
        params={"account": await person(office)},
        json={"area": here(office), "role": "broadcaster"},
    )


async def take(office: Office) -> Asked:
    row = await grants.give(
        office.desk, office.server, await person(office), office.area(HERE), Role.APPROVER
    )
    return Asked(params={"grant": row.id})


async def token(office: Office) -> Asked:
    me = await office.actor(ME)
    row, _ = await tokens.make(
        office.desk, me, name="máy", scopes=[Permission.READ], area=None, expires_at=None
    )
    return Asked(params={"token": row.id})


async def token_of_person(office: Office) -> Asked:
    account = await person(office)
    made = await token(office)
    async with office.desk.store.write() as db:
        row = await db.get(tokens.ApiTokenRow, made.params["token"])
        assert row is not None
        row.account_id = account
    return Asked(params={"account": account, **made.params})


async def make_source_token(office: Office) -> Asked:
    return Asked(json={"area": here(office), "name": "butt", "class": "priority"})


async def source_token(office: Office) -> Asked:
    row, _ = await tokens.make_source_token(
        office.desk, office.server, area=office.area(HERE), name="butt",
        cls=BulletinClass.ROUTINE, targets=None, expires_at=None,
    )  # fmt: skip
    return Asked(params={"token": row.id})


EXAMPLES: dict[str, Example] = {
    "GET /openapi.json": always(Asked()),
    "GET /setup": always(Asked()),
    "POST /setup": set_up,
    "POST /sign-in": sign_in,
    "POST /sign-out": always(Asked()),
    "GET /me": always(Asked()),
    "PUT /me/password": change_password,
    "PUT /me/language": always(Asked(json={"language": "en"})),
    "GET /me/sessions": session,
    "DELETE /me/sessions/{session}": session,
    "POST /me/sign-out-everywhere": always(Asked(json={})),
    "GET /me/tokens": token,
    "POST /me/tokens": always(Asked(json={"name": "máy", "scopes": ["read", "live"]})),
    "DELETE /me/tokens/{token}": token,
    "GET /accounts": of_person,
    "POST /accounts": create,
    "GET /accounts/{account}": of_person,
    "PATCH /accounts/{account}": change,
    "PUT /accounts/{account}/password": set_password,
    "POST /accounts/{account}/sign-out": of_person,
    "POST /accounts/{account}/grants": give,
    "DELETE /grants/{grant}": take,
    "GET /accounts/{account}/tokens": token_of_person,
    "DELETE /accounts/{account}/tokens/{token}": token_of_person,
    "GET /source-tokens": source_token,
    "POST /source-tokens": make_source_token,
    "DELETE /source-tokens/{token}": source_token,
    "GET /audit": source_token,
}
