"""Who heard it, asked by the API: from boxes' journals and the as-run log to names and counts."""

from __future__ import annotations

from pathlib import Path

from loa.codecs.control.messages import Sounding
from loa.streamer.desk import emergencies
from loa.streamer.desk.emergencies import Wanted
from support.desk import Office, desk_with_sample
from support.journal import FIRST, START, stretch
from support.proof import COMMUNE, VILLAGES, Reporting, add_receiver, aired, box_of
from support.schedule import add_bulletin


class Online:
    """Stands for the fleet: its hub."""

    def __init__(self, server: Reporting) -> None:
        self.hub = server.hub


def with_fleet(office: Office, server: Reporting) -> None:
    object.__setattr__(office.services, "fleet", Online(server))


async def test_a_bulletin_receiver_by_receiver(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await add_bulletin(office, office.area(COMMUNE), title="Lịch tiêm chủng")
        for path in VILLAGES:
            await aired(office, path, 1, bulletin_id=id)
        areas = [office.area(path).id for path in VILLAGES]
        boxes = [await add_receiver(office.desk, areas[n % 2], f"Cụm {n}") for n in range(8)]
        await add_receiver(office.desk, office.area("/tuyen-quang").id, "Không liên quan")
        await add_receiver(office.desk, areas[0], "Chưa lắp", state="new")
        server = await Reporting.start(office.desk)
        with_fleet(office, server)
        said = [
            {},
            {"late_ms": 30_000},
            {"device": 900, "ended_tick": FIRST + 5900, "whole": False, "interrupted": "power"},
            {"volume": 0},
            {"device": None},
            {"device": 0, "delivered": 0, "decoded": 0, "whole": False, "why_not": "not_fetched"},
        ]
        for box, told in zip(boxes, said, strict=False):
            of = box_of(tmp_path, box)
            of.journal.played(stretch(1, bulletin=id, **told))
            await server.exchange(of, box, areas[box % 2])
        office.clock.now = START + 1000
        server.connect(boxes[6])
        found = await office.call("GET", f"/bulletins/{id}/heard")
        assert [r["name"] for r in found["receivers"]] == [f"Cụm {n}" for n in range(8)]
        assert [(r["outcome"], r["why"], r["online"]) for r in found["receivers"]] == [
            ("whole", "", False), ("late", "", False), ("part", "power", False),
            ("not", "volume", False), ("unmeasured", "", False), ("not", "not_fetched", False),
            ("unreported", "silent", True), ("unreported", "offline", False),
        ]  # fmt: skip
        assert found["receivers"][1]["late_ms"] == 30_000
        assert found["receivers"][4]["report"]["device"] is None
        assert found["receivers"][6]["report"] is None
        counts = found["counts"]
        assert (counts["expected"], counts["online"], counts["reached"]) == (8, 1, 3)
        assert (counts["not"], counts["unreported"], counts["silent_online"]) == (2, 2, 1)
        assert found["states"] == {
            "delivered": {"some": 5, "none": 1, "not_measured": 0},
            "decoded": {"some": 5, "none": 1, "not_measured": 0},
            "device": {"some": 4, "none": 1, "not_measured": 1},
            "sounded": {"some": 0, "none": 0, "not_measured": 6},
        }
        (playing,) = found["playings"]
        assert (playing["play"], playing["areas"]) == ("e5#1", 2)
        vi = await office.call("GET", f"/bulletins/{id}/heard?outcome=part", language="vi")
        (part,) = vi["receivers"]
        assert (part["outcome_text"], part["why_text"]) == ("Phát một phần", "mất điện")
        # In parts, and another time: nothing.
        some = await office.call("GET", f"/bulletins/{id}/heard?limit=3")
        assert len(some["receivers"]) == 3 and some["next"] == boxes[2]
        rest = await office.call("GET", f"/bulletins/{id}/heard?after={some['next']}")
        assert [r["receiver"] for r in rest["receivers"]] == boxes[3:] and rest["next"] is None
        before = await office.call(
            "GET", f"/bulletins/{id}/heard", params={"to": "2026-09-20T00:00:00Z"}
        )
        assert before["receivers"] == [] and before["counts"]["expected"] == 0
        await office.call(
            "GET", f"/bulletins/{id}/heard?from=2026-09-20T00:00:00Z&to=2026-09-19T00:00:00Z",
            status=422,
        )  # fmt: skip


async def test_an_emergency_from_the_first_second_on(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area(COMMUNE)
        bulletin = await add_bulletin(office, area, cls=2, title="Lũ (dữ liệu mẫu)")
        cue = await emergencies.call(
            office.desk, await office.actor(f"emergency@{COMMUNE}"), area,
            Wanted(bulletin, excluded=[office.area(VILLAGES[1]).id]),
        )  # fmt: skip
        village = office.area(VILLAGES[0]).id
        boxes = [await add_receiver(office.desk, village, f"Cụm {n}") for n in range(4)]
        await add_receiver(office.desk, office.area(VILLAGES[1]).id, "Không gọi")
        server = await Reporting.start(office.desk)
        with_fleet(office, server)
        sessions = [server.connect(box, village)[0] for box in boxes[:3]]
        path = f"/emergencies/{cue.id}/heard"
        now = await office.call("GET", path)
        assert now["counts"]["expected"] == 4 and now["counts"]["pending"] == 3
        assert now["receivers"][3]["why"] == "offline"
        await aired(office, VILLAGES[0], 1, None, cue_id=cue.id, cls=2)
        said = Sounding(emergency=cue.id, play="e5#1", tick=FIRST + 5000, late_ms=80, device=True)
        await server.say(sessions[0], said)
        await server.say(sessions[0], said)
        await server.say(
            sessions[1], Sounding(emergency=cue.id, play="e5#1", tick=FIRST + 5000)
        )  # fmt: skip
        office.clock.now = START + 100 + 61
        counts = (await office.call("GET", path))["counts"]
        assert (counts["begun"], counts["unmeasured"], counts["reached"]) == (1, 1, 1)
        assert (counts["silent_online"], counts["unreported"]) == (1, 2)
        silent = await office.call("GET", f"{path}?outcome=unreported")
        assert [(r["name"], r["why"]) for r in silent["receivers"]] == [
            ("Cụm 2", "silent"), ("Cụm 3", "offline"),
        ]  # fmt: skip
        # The report that comes when it is over takes the early word's place.
        of = box_of(tmp_path, boxes[0])
        of.journal.played(stretch(1, emergency=cue.id, bulletin=bulletin, cls=2))
        await server.exchange(of, boxes[0], village)
        first = (await office.call("GET", path))["receivers"][0]
        assert (first["outcome"], first["report"]["device"]) == ("whole", 3000)


async def test_a_live_in_an_area_by_its_play(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        for path in VILLAGES:
            await aired(office, path, 1, kind="live", play="feed-7")
        areas = [office.area(path).id for path in VILLAGES]
        one, two = [await add_receiver(office.desk, area) for area in areas]
        server = await Reporting.start(office.desk)
        of = box_of(tmp_path, one)
        of.journal.played(stretch(1, kind="live", play="feed-7", whole=False, interrupted="e9#1"))
        of.journal.played(stretch(2, kind="live", play="feed-7", device=100))
        await server.exchange(of, one, areas[0])
        office.clock.now = START + 1000
        found = await office.call(
            "GET", f"/areas/{office.area(COMMUNE).id}/heard", params={"play": "feed-7"}
        )
        assert [(r["receiver"], r["outcome"], r["playings"]) for r in found["receivers"]] == [
            (one, "whole", 1), (two, "unreported", 1),
        ]  # fmt: skip
        assert found["receivers"][0]["report"]["device"] == 3100
        other = await office.call("GET", f"/areas/{areas[1]}/heard", params={"play": "feed-7"})
        assert [r["receiver"] for r in other["receivers"]] == [two]


async def test_a_journal_newest_first_in_parts_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area(COMMUNE).id
        one = await add_receiver(office.desk, area)
        server = await Reporting.start(office.desk)
        of = box_of(tmp_path, one)
        of.journal.started(software="1.2")
        for number in range(5):
            of.journal.played(stretch(number))
            if number % 2:
                await server.exchange(of, one, area)
        await server.exchange(of, one, area)
        whole = await office.call("GET", f"/receivers/{one}/journal")
        assert [i["number"] for i in whole["items"]] == [7, 6, 5, 4, 3, 2, 1]
        assert [i["kind"] for i in whole["items"]][-2:] == ["started", "chain"]
        assert whole["items"][0]["entry"]["play"] == "e5#4" and whole["findings"] == []
        seen, after = [], 0
        while after is not None:
            part = await office.call("GET", f"/receivers/{one}/journal?limit=2&after={after}")
            seen += part["items"]
            after = part["next"]
        assert seen == whole["items"]
        for file in (tmp_path / f"box-{one}").glob("*.journal"):
            file.unlink()
        await server.exchange(box_of(tmp_path, one), one, area)
        found = await office.call("GET", f"/receivers/{one}/journal", language="vi")
        assert [(f["kind"], f["text"]) for f in found["findings"]] == [
            ("anew", "Cụm thu lập nhật ký mới")
        ]
