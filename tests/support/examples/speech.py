"""Examples of the calls about speech."""

from __future__ import annotations

from loa.streamer.desk import spelling
from support.desk import Office
from support.examples import HERE, Asked, Example, here
from support.examples.bulletins import bulletin

count = 0


async def an_entry(office: Office) -> int:
    """Add an entry to ``HERE``; return its id."""
    global count
    count += 1
    area = office.area(HERE)
    row = await spelling.add(office.desk, office.server, area, "vi", f"BQL{count}", "ban quản lý")
    return row.id


async def add(office: Office) -> Asked:
    global count
    count += 1
    return Asked({"area": here(office)}, {"written": f"XYZ{count}", "spoken": "ích xì"})


async def read(office: Office) -> Asked:
    return Asked({"area": here(office)}, query={"inherited": "true"})


async def preview(office: Office) -> Asked:
    return Asked({"area": here(office)}, {"text": "UBND họp lúc 7h30"})


async def change(office: Office) -> Asked:
    return Asked({"entry": await an_entry(office)}, {"spoken": "ban quản lý mới"}, version=1)


async def remove(office: Office) -> Asked:
    return Asked({"entry": await an_entry(office)}, version=1)


async def speak(office: Office) -> Asked:
    id = await bulletin(office, ready=False)
    return Asked(
        {"bulletin": id}, {"text": "Mời bà con họp lúc 7h30", "voice": "hum-vi"}, version=1
    )


async def voices(office: Office) -> Asked:
    return Asked()


EXAMPLES: dict[str, Example] = {
    "GET /areas/{area}/spelling": read,
    "POST /areas/{area}/spelling": add,
    "PATCH /spelling/{entry}": change,
    "DELETE /spelling/{entry}": remove,
    "POST /areas/{area}/speech/preview": preview,
    "POST /bulletins/{bulletin}/speech": speak,
    "GET /speech/voices": voices,
}
