"""Sample data, labelled as such: part of a province of the 2020 reports, and its reorganisation.

The district does not exist any more, which makes it a good example: ``reorganise`` removes that
level and has one commune take in another, by the same calls that staff use.
"""

from __future__ import annotations

from dataclasses import dataclass

from loa.streamer.core import area_tables
from loa.streamer.core.areas import Area
from loa.streamer.core.cells import BOM
from loa.streamer.desk import area_import, areas
from loa.streamer.desk.areas import Outcome
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import NotFound

LABEL = " (dữ liệu mẫu)"
PROVINCE = "/ha-giang"
DISTRICT = "/ha-giang/quang-binh"
NA_KHUONG = f"{DISTRICT}/na-khuong"
TIEN_NGUYEN = f"{DISTRICT}/tien-nguyen"
XUAN_MINH = f"{DISTRICT}/xuan-minh"

_PLACES: tuple[tuple[str, str, bool], ...] = (
    (PROVINCE, "Hà Giang", True),
    (DISTRICT, "Quang Bình", True),
    (NA_KHUONG, "Nà Khương", True),
    (f"{NA_KHUONG}/thon-1", "Thôn 1", False),
    (f"{NA_KHUONG}/thon-2", "Thôn 2", False),
    (TIEN_NGUYEN, "Tiên Nguyên", True),
    (f"{TIEN_NGUYEN}/thon-1", "Thôn 1", False),
    (f"{TIEN_NGUYEN}/thon-2", "Thôn 2", False),
    (XUAN_MINH, "Xuân Minh", True),
    (f"{XUAN_MINH}/thon-1", "Thôn 1", False),
)


def table() -> bytes:
    """Return the sample as a CSV table (``docs/sample-areas.csv`` is this)."""
    lines = ["path,parent,name,station"]
    for path, name, station in _PLACES:
        parent = path.rpartition("/")[0]
        lines.append(f"{path},{parent},{name}{LABEL},{int(station)}")
    return (BOM + "\r\n".join(lines) + "\r\n").encode()


async def load(desk: Desk, actor: Actor) -> None:
    """Make the sample's areas; those that are there already stay."""
    await area_import.carry_out(desk, actor, table(), area_tables.read_csv)


@dataclass(frozen=True, slots=True)
class Reorganised:
    """What the reorganisation did: the district removed, Xuân Minh taken in by Tiên Nguyên."""

    level: Outcome
    merged: Outcome


async def reorganise(desk: Desk, actor: Actor) -> Reorganised:
    """Abolish the sample's district, and merge two of its communes. Raises ``DeskError``."""
    district = _find(desk, DISTRICT)
    level = await areas.remove_level(desk, actor, district, district.version)
    commune, into = _find(desk, XUAN_MINH), _find(desk, TIEN_NGUYEN)
    merged = await areas.merge(desk, actor, commune, commune.version, into)
    return Reorganised(level, merged)


def _find(desk: Desk, path: str) -> Area:
    area = desk.tree.find(path)
    if area is None or not area.name.endswith(LABEL):
        raise NotFound("area.no_sample", path=path)
    return area
