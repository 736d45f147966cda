"""Examples of the calls for sticks."""

from __future__ import annotations

from support.boxes import real_opus
from support.desk import Office
from support.examples import HERE, Asked, Example, here
from support.schedule import add_bulletin, add_entry


async def pack(office: Office) -> Asked:
    return Asked(params={"area": here(office)}, query={"days": 3})


async def audio(office: Office) -> Asked:
    area = office.area(HERE)
    await add_entry(office, area, await add_bulletin(office, area, seconds=1))
    folder = office.desk.data / "audio"
    folder.mkdir(exist_ok=True)
    (folder / f"{50:064x}.opus").write_bytes(real_opus(1))
    return Asked(params={"area": area.id, "audio": f"{50:064x}"})


EXAMPLES: dict[str, Example] = {
    "GET /areas/{area}/pack": pack,
    "GET /areas/{area}/pack/mp3/{audio:text}": audio,
    "GET /areas/{area}/pack/opus/{audio:text}": audio,
}
