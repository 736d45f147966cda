"""Accounts with passwords, for tests that really sign in."""

from __future__ import annotations

from argon2 import PasswordHasher

from loa.streamer.store.tables.people import AccountRow, GrantRow
from support.desk import Office

WEAK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "ngồi bên cửa sổ"


async def add_account(
    office: Office, login: str = "lan", role: str = "administrator", path: str = "/ha-giang"
) -> int:
    """Make an account whose password is ``PASSWORD``, with one role; return its id."""
    async with office.desk.store.write() as db:
        row = AccountRow(
            login=login, name="Lan", password=WEAK.hash(PASSWORD), created_at=office.clock.now
        )
        db.add(row)
        await db.flush()
        area = office.area(path).id
        db.add(
            GrantRow(account_id=row.id, area_id=area, role=role, created_at=0.0, created_by="test")
        )
        return row.id
