"""Data, coverage, inventory, SIMs and health, as the API tells them."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from sqlalchemy import select

from loa.codecs.control.vitals import compose
from loa.streamer.core.billing import MB
from loa.streamer.desk import data_usage
from loa.streamer.fleet.health import HealthTopic
from loa.streamer.fleet.hub import Hub
from loa.streamer.store.tables.proof import PlayReportRow
from loa.streamer.store.tables.receiver_health import AlertRow
from loa.streamer.store.tables.sims import SimRow
from support.desk import Office, desk_with_sample
from support.fleet import connected
from support.receivers import HERE, add_receivers

TECHNICIAN = "technician@/ha-giang/quang-binh"
VIEWER = "viewer@/ha-giang/quang-binh"
VILLAGE = "/ha-giang/quang-binh/na-khuong/ban-rua"
OTHER_VILLAGE = "/ha-giang/quang-binh/na-khuong/ban-mac"
DAY = 86_400.0


async def use(office: Office, receiver: int, sim: int, day: str, **amounts: int) -> None:
    async with office.desk.store.write() as db:
        await data_usage.add(db, {(receiver, sim, day): amounts})


async def play(office: Office, receiver: int, at: float, device: int | None, decoded: int) -> None:
    row: dict[str, Any] = {
        "receiver_id": receiver, "area_id": 1, "digest": bytes([receiver] * 16), "at": at,
        "received_at": at, "play": "p", "kind": "bulletin", "cls": 0, "drill": False, "audio": "",
        "origin": "live", "cause": "server", "from_tick": 0, "to_tick": 9, "delivered": 9,
        "decoded": decoded, "device": device, "concealed": 0, "missed": 0, "volume": 80,
        "late_ms": 0, "whole": True, "interrupted": "", "why_not": "", "checkpoint": False,
    }  # fmt: skip
    async with office.desk.store.write() as db:
        db.add(PlayReportRow(**row))


async def test_a_sim_from_the_shop_to_the_bill(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        here = office.area(HERE).id
        (receiver,) = await add_receivers(office)
        tariff = await office.call("POST", "/tariffs", as_=TECHNICIAN, json={
            "area": here, "name": "V90", "package_bytes": 1000 * MB, "package_price": 90_000,
            "megabyte_price": 25,
        })  # fmt: skip
        sim = await office.call("POST", "/sims", as_=TECHNICIAN, json={
            "area": here, "iccid": "89840480000123456789", "operator": "=Viettel",
            "tariff": tariff["id"], "cycle_day": 5,
        })  # fmt: skip
        assert sim["state"] == "stock" and sim["stand"]["quota"] == 1000 * MB
        assert (sim["stand"]["first"], sim["stand"]["last"]) == ("2026-09-05", "2026-10-04")
        path = f"/sims/{sim['id']}"
        match = {"If-Match": f'"{sim["version"]}"'}
        sim = await office.call(
            "PUT", f"{path}/receiver", as_=TECHNICIAN, json={"receiver": receiver}, headers=match
        )
        assert sim["state"] == "active" and sim["places"][0]["how"] == "staff"
        await office.call(
            "PUT", f"{path}/receiver", as_=TECHNICIAN, json={"receiver": None}, headers=match,
            status=412,
        )  # fmt: skip
        await use(office, receiver, sim["id"], "2026-09-04", modem_received=7 * MB)
        await use(office, receiver, sim["id"], "2026-09-05", modem_received=500 * MB)
        await use(office, receiver, sim["id"], "2026-09-20", modem_received=600 * MB, sent=9 * MB)
        await use(office, receiver, 0, "2026-09-10", modem_received=3 * MB, overhead=MB)
        found = await office.call("GET", "/sims", as_=VIEWER)
        assert found["items"][0]["stand"]["used"] == 1100 * MB
        assert found["items"][0]["stand"]["warnings"] == ["80", "95", "used_up"]
        report = await office.call("GET", "/reports/data", as_=VIEWER, params={"area": here})
        (line,) = report["lines"]
        assert (line["from"], line["to"], line["over"]) == ("2026-09-05", "2026-10-04", False)
        assert line["used"]["modem"] == 1100 * MB and line["share"] == 1.1
        assert line["cost"] == 90_000 + 100 * 25 and report["costs"] == {"VND": 92_500.0}
        assert report["unknown"][0]["receiver"]["id"] == receiver
        assert report["used"] == {"modem": 1103 * MB, "server": 10 * MB, "estimated": MB}
        before = await office.call(
            "GET", "/reports/data", params={"area": here, "month": "2026-08"}
        )
        assert [(li["from"], li["used"]["modem"]) for li in before["lines"]] == [
            ("2026-08-05", 7 * MB)
        ]
        days = await office.call("GET", f"/receivers/{receiver}/data", as_=VIEWER)
        assert [(d["day"], d["sim"]) for d in days["days"]] == [
            ("2026-09-04", sim["id"]), ("2026-09-05", sim["id"]), ("2026-09-10", None),
            ("2026-09-20", sim["id"]),
        ]  # fmt: skip
        await office.call("DELETE", f"/tariffs/{tariff['id']}", as_=TECHNICIAN, status=409)


async def test_reports_as_files(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        here = office.area(HERE).id
        (receiver,) = await add_receivers(office, serial="B-1", installed_at=office.clock.now)
        await office.call("POST", "/sims/list", json={
            "items": [{"iccid": "8984048000012345678", "area": HERE, "receiver": receiver,
                       "operator": "=Viettel", "handed_over_on": "2026-09-01"}],
        })  # fmt: skip
        await use(office, receiver, 1, "2026-09-20", modem_received=600 * MB)
        for what, expected in (
            ("data", "600.0"), ("inventory", "B-1"), ("coverage", "Quang Bình (dữ liệu mẫu)"),
        ):  # fmt: skip
            for language, title in (("vi", "Báo cáo|Danh mục"), ("en", "Report|Inventory")):
                answer = await office.ask(
                    "GET", f"/reports/{what}.csv", params={"area": here}, language=language
                )
                text = (await answer.read()).decode("utf-8-sig")
                cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
                assert any(expected in cell for cell in cells)
                assert cells[0].startswith(tuple(title.split("|")))
                assert not any(cell.startswith("=") for cell in cells)
            answer = await office.ask("GET", f"/reports/{what}.xlsx", params={"area": here})
            book = load_workbook(io.BytesIO(await answer.read()))
            assert len(book.sheetnames) >= 2
            disposition = answer.headers["Content-Disposition"]
            assert f"ha-giang-quang-binh-{what}-2026-09-21.xlsx" in disposition


async def test_many_sims_all_or_none(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        (receiver,) = await add_receivers(office)
        first, second = "8984048000012345671", "8984048000012345672"
        items: list[dict[str, Any]] = [
            {"iccid": first, "area": HERE, "receiver": receiver},
            {"iccid": second, "area": HERE, "tariff_name": "none"},
            {"iccid": second, "area": HERE},
            {"iccid": "8984048000012345673"},
            {"iccid": "8984048000012345674", "area": HERE, "receiver": 999},
        ]
        refused = await office.call("POST", "/sims/list", json={"items": items}, status=422)
        assert [(f["field"], f["code"]) for f in refused["error"]["fields"]] == [
            ("items.1.tariff_name", "tariff.no_name"),
            ("items.2.iccid", "sim.twice"),
            ("items.3.area", "field.missing"),
            ("items.4.receiver", "receiver.unknown"),
        ]
        good = [items[0], {"iccid": second, "area": HERE}]
        counts = {"added": 2, "changed": 0, "assigned": 1}
        for dry in (True, True, False):  # looking changes nothing
            done = await office.call(
                "POST", "/sims/list", as_=TECHNICIAN, json={"items": good, "dry_run": dry}
            )
            assert done == {**counts, "dry_run": dry}
        again = await office.call("POST", "/sims/list", json={
            "items": [{"iccid": first, "number": "0981234567"}, {"iccid": second}]
        })  # fmt: skip
        assert (again["added"], again["changed"], again["assigned"]) == (0, 1, 0)
        # Who has no right on the area that a SIM belongs to changes nothing of it.
        await office.call(
            "POST", "/sims/list", as_="technician@/tuyen-quang",
            json={"items": [{"iccid": first, "number": "1"}]}, status=422,
        )  # fmt: skip
        async with office.desk.store.read() as db:
            number = await db.scalar(select(SimRow.number).where(SimRow.iccid == first))
        assert number == "0981234567"


async def test_coverage_says_what_it_knows(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        now = office.clock.now
        (played,) = await add_receivers(office, 1, VILLAGE, horns=2, seen_at=now - DAY)
        (silent,) = await add_receivers(office, 1, OTHER_VILLAGE, seen_at=now - 30 * DAY)
        await add_receivers(office, 1, "/ha-giang/quang-binh/xuan-minh", state="new")
        await play(office, played, now - DAY, 9, 9)
        await play(office, silent, now - DAY, 0, 9)  # decoded, but no device took it
        asked = {"params": {"area": office.area("/ha-giang").id}}
        found = await office.call("GET", "/reports/coverage", as_="viewer@/ha-giang", **asked)
        total = found["total"]
        assert (total["communes"], total["communes_working"]) == (3, 1)
        assert (total["villages"], total["villages_played"]) == (2, 1)
        assert total["receivers"] == {
            "online": 0, "ailing": 0, "offline": 2, "new": 1, "revoked": 0
        }  # fmt: skip
        assert total["horns"] == 4
        assert [a["path"] for a in found["silent"]] == [OTHER_VILLAGE] and found["dead"] == []
        village = office.area(OTHER_VILLAGE).id
        said = await office.call(
            "PUT", f"/areas/{village}/dead-zone", as_=TECHNICIAN,
            json={"dead_zone": True, "note": "sau núi"},
        )  # fmt: skip
        assert said["who"] == TECHNICIAN
        found = await office.call("GET", "/reports/coverage", **asked)
        assert found["total"]["villages_dead"] == 1
        by_area = {of["area"]["path"]: of for of in found["by_area"]}
        assert by_area["/ha-giang/quang-binh/na-khuong"]["villages_dead"] == 1
        history = await office.call("GET", f"/areas/{village}/history", as_="viewer@/ha-giang")
        assert history["items"][0]["kind"] == "dead_zone"
        await office.call(
            "PUT", f"/areas/{village}/dead-zone", as_=TECHNICIAN, json={"dead_zone": False}
        )
        said = await office.call("GET", f"/areas/{village}/dead-zone", as_=VIEWER)
        assert said["dead_zone"] is False and said["since"] is None


async def test_status_health_and_alerts(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        first, second = await add_receivers(office, 2)
        (elsewhere,) = await add_receivers(office, 1, "/tuyen-quang")
        hub = Hub(office.desk.counters)
        topic = HealthTopic(office.desk, hub, clock=lambda: office.clock.now)
        hub.add(topic)
        await topic.load()
        session, _ = connected(hub, first, office.area(HERE).id)
        values = {"temperature_c": 90, "signal_percent": 55}
        await hub.take(session, compose(0, values, {}))
        await topic.write()
        found = await office.call("GET", "/receivers/status", as_=VIEWER)
        told = {one["id"]: one for one in found["items"]}
        assert told.keys() == {first, second}
        # Nothing runs here that boxes could be connected to.
        assert told[first]["state"] == "offline" and told[first]["troubles"] == ["heat"]
        assert told[first]["values"] == values and told[second]["seen_at"] is None
        page = await office.call("GET", "/receivers/status", params={"limit": 1}, as_="server")
        assert page["next"] == first
        hot = await office.call("GET", "/receivers/status", params={"trouble": "heat"})
        assert [one["id"] for one in hot["items"]] == [first]
        history = await office.call("GET", f"/receivers/{first}/health", as_=VIEWER)
        assert [r["values"] for r in history["reports"]] == [values]
        assert history["now"]["reported_at"] == "2026-09-21T14:13:20Z"
        for area in (HERE, "/tuyen-quang"):
            async with office.desk.store.write() as db:
                db.add(AlertRow(
                    id=len(area), trouble="offline", area_id=office.area(area).id, together=False,
                    receivers=[elsewhere], missing=[], began_at=1, told_at=2,
                ))  # fmt: skip
        alerts = await office.call("GET", "/alerts", as_=VIEWER, params={"open": "true"})
        assert [a["area"]["path"] for a in alerts["items"]] == [HERE]
        over = await office.call("GET", "/alerts", as_=VIEWER, params={"open": "false"})
        assert over["items"] == []


async def test_limits_of_an_area_by_the_api(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        path = f"/areas/{office.area(HERE).id}/policy"
        zero = {"If-Match": '"0"'}
        said = await office.call("PUT", path, json={"receiver_limits": {"heat": 70}}, headers=zero)
        assert said["effective"]["receiver_limits"] == {"heat": 70.0}
        assert office.desk.policies.effective(office.area(VILLAGE)).receiver_limits == (
            ("heat", 70.0),
        )
        await office.call(
            "PUT", path, json={"receiver_limits": {"power": 70}}, headers={"If-Match": '"1"'},
            status=422,
        )  # fmt: skip


async def test_adding_to_days_adds_up(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        (receiver,) = await add_receivers(office)
        for _ in range(3):
            await use(office, receiver, 0, "2026-09-20", sent=5, modem_sent=2)
        async with office.desk.store.read() as db:
            used = await data_usage.without_sim(db, [receiver], date(2026, 9, 1), date(2026, 9, 30))
        assert used[receiver] == data_usage.Used(modem=6, server=15, overhead=0)


async def test_sims_and_tariffs_go_with_their_area(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        merged = office.area("/ha-giang/quang-binh/tien-nguyen")
        heir = office.area("/ha-giang/quang-binh/xuan-minh")
        sim = await office.call(
            "POST", "/sims", json={"area": merged.id, "iccid": "8984048000012345678"}
        )
        tariff = await office.call("POST", "/tariffs", json={"area": merged.id, "name": "V90"})
        done = await office.call(
            "POST", f"/areas/{merged.id}/merge", json={"into": heir.id},
            headers={"If-Match": f'"{merged.version}"'},
        )  # fmt: skip
        assert done["handed_over"]["sims"] == 1
        for kind, made in (("sims", sim), ("tariffs", tariff)):
            shown = await office.call("GET", f"/{kind}/{made['id']}")
            assert shown["area"] == heir.id and shown["version"] == 2
        gone = await office.call(
            "DELETE", f"/areas/{heir.id}",
            headers={"If-Match": f'"{office.area(heir.path).version}"'},
        )  # fmt: skip
        assert gone is not None
        shown = await office.call("GET", f"/sims/{sim['id']}")
        assert shown["area"] == office.area(HERE).id
