"""The first account: made with a one-time code that the first start prints. No default password.

The code's digest is kept until an account is made with it; every start without accounts makes a new
code. Where the only administrator's password is lost, ``recover`` makes one beside the accounts.
"""

from __future__ import annotations

import hmac
import json
import secrets

from sqlalchemy import select

from loa.streamer.core.attempts import household
from loa.streamer.core.rights import Role, digest
from loa.streamer.desk import accounts, grants, sessions
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, TooMany
from loa.streamer.desk.identity import Identity, named
from loa.streamer.desk.sessions import SignedIn
from loa.streamer.store.tables.audit import ValueRow
from loa.streamer.store.tables.people import AccountRow

SETUP_CODE = "setup.code"
RECOVERY = 24 * 3600.0
"""A code that was made beside accounts is good for so long (seconds)."""
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


async def ensure_setup_code(desk: Desk) -> str | None:
    """Return a new one-time code if there is no account yet, else None. To be called at start.

    The code is shown this once; the one before is good no longer.
    """
    async with desk.store.read() as db:
        if await db.scalar(select(AccountRow.id).limit(1)) is not None:
            return None
    async with desk.work(Actor(None, "loa")) as work:
        return await _make_code(work, None)


async def recover(desk: Desk) -> str:
    """Return a code with which another administrator can be made, whoever there is. On record."""
    async with desk.work(Actor(None, "loa users recover")) as work:
        return await _make_code(work, work.now + RECOVERY)


async def _make_code(work: Work, expires_at: float | None) -> str:
    letters = [secrets.choice(_LETTERS) for _ in range(20)]
    code = "-".join("".join(letters[at : at + 5]) for at in range(0, 20, 5))
    kept = json.dumps({"sha256": digest(_plain(code)), "expires_at": expires_at})
    row = await work.db.get(ValueRow, SETUP_CODE)
    if row is None:
        work.db.add(ValueRow(name=SETUP_CODE, value=kept))
    else:
        row.value = kept
    work.record("setup.code_made", recovery=expires_at is not None)
    return code


async def setup_awaited(desk: Desk) -> tuple[bool, bool]:
    """Say whether an account can be made with a code, and whether it is the first."""
    async with desk.store.read() as db:
        row = await db.get(ValueRow, SETUP_CODE)
        first = await db.scalar(select(AccountRow.id).limit(1)) is None
    return row is not None and _expected(row, desk.clock()) is not None, first


async def set_up(
    desk: Desk,
    identity: Identity,
    *,
    code: str,
    login: str,
    name: str,
    password: str,
    language: str,
    peer: str,
    agent: str,
) -> SignedIn:
    """Make the first administrator, of every top-level area, and sign him in.

    Raises ``Invalid`` when the code is wrong, ``Conflict`` when none is awaited.
    """
    now, key = desk.clock(), ("setup", household(peer))
    if identity.by_address.blocked(key, now):
        raise TooMany("sign_in.too_often", identity.by_address.wait(key, now))
    identity.by_address.failed(key, now)
    async with desk.store.read() as db:
        expected = _expected(await db.get(ValueRow, SETUP_CODE), now)
    if expected is None:
        raise Conflict("setup.done")
    if not hmac.compare_digest(expected, digest(_plain(code))):
        desk.counters.add("sign_in.failed")
        raise Invalid(FieldProblem("code", "setup.code_wrong"))
    identity.by_address.forgive(key, now)
    accounts.check_password(password, login)
    kept = await identity.passwords.hash(password)
    tops = grants.tops(desk.tree)
    if not tops:
        raise Conflict("setup.no_area")
    async with desk.work(Actor(None, f"{name} ({login})"[:200])) as work:
        row = await work.db.get(ValueRow, SETUP_CODE)
        if row is None or _expected(row, now) != expected:
            raise Conflict("setup.done")
        await work.db.delete(row)
        account = await accounts.add(
            work, login, name, kept, language, area=tops[0].id, must_change=False
        )
        for area in tops:
            await grants.add(work, account, area.id, Role.ADMINISTRATOR)
        signed_in = await sessions.begin(work, account, peer, agent)
        work.record("setup.done", subject=f"account/{account.id}", who=named(account), peer=peer)
    return signed_in


def _expected(row: ValueRow | None, now: float) -> str | None:
    """Return the digest of the code that is awaited, None when there is none (any more)."""
    if row is None:
        return None
    kept = json.loads(row.value)
    expires_at = kept["expires_at"]
    return str(kept["sha256"]) if expires_at is None or now < expires_at else None


def _plain(code: str) -> str:
    """Return a code as it is compared: people leave hyphens out, and type small letters."""
    return "".join(c for c in code.upper() if c.isalnum())
