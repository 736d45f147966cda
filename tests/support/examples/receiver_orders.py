"""Examples of the calls about commands to receivers and their settings."""

from __future__ import annotations

from loa.streamer.store.tables.receivers import ReceiverRow
from support.desk import Office
from support.examples import HERE, Asked, Example, here
from support.examples.bulletins import bulletin


async def enrolled(office: Office, at: str = HERE) -> int:
    """Make a receiver that is enrolled; return its id."""
    async with office.desk.store.write() as db:
        row = ReceiverRow(
            area_id=office.area(at).id, name="Cụm loa (dữ liệu mẫu)", state="enrolled",
            key=bytes(32), settings={}, created_at=office.clock.now, created_by="test",
            enrolled_at=office.clock.now,
        )  # fmt: skip
        db.add(row)
        await db.flush()
        return row.id


def about(**asked: object) -> Example:
    """Ask about a receiver that is made before."""

    async def example(office: Office) -> Asked:
        return Asked(params={"receiver": await enrolled(office)}, **asked)  # type: ignore[arg-type]

    return example


async def order_all(office: Office) -> Asked:
    await enrolled(office)
    return Asked(params={"area": here(office)}, json={"order": {"do": "sync"}}, status=202)


async def order_each(office: Office) -> Asked:
    chosen = [await enrolled(office)]
    return Asked(json={"receivers": chosen, "order": {"do": "sync"}}, status=202)


async def play(office: Office) -> Asked:
    id = await bulletin(office, state="approved")
    return Asked(params={"receiver": await enrolled(office)}, json={"bulletin": id}, status=202)


async def area_settings(office: Office) -> Asked:
    return Asked(params={"area": here(office)})


async def set_area(office: Office) -> Asked:
    await enrolled(office)
    return Asked(
        params={"area": here(office)}, json={"volume": [60, 70, 100], "days": 5}, version=0
    )


EXAMPLES: dict[str, Example] = {
    "POST /receivers/{receiver}/orders": about(
        json={"order": {"do": "volume", "percent": 70}}, status=202
    ),
    "POST /receivers/orders": order_each,
    "POST /areas/{area}/receivers/orders": order_all,
    "POST /receivers/{receiver}/play": play,
    "POST /receivers/{receiver}/stop": about(json={}, status=202),
    "POST /receivers/{receiver}/sign": about(json={"text": "Sơ tán"}, status=202),
    "GET /receivers/{receiver}/orders": about(),
    "GET /areas/{area}/receivers/settings": area_settings,
    "PUT /areas/{area}/receivers/settings": set_area,
    "GET /receivers/{receiver}/settings": about(),
    "PUT /receivers/{receiver}/settings": about(json={"trim_ms": 20}, version=1),
}
