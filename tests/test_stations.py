"""From a set-up code to the horn and into the log: the whole server, as staff use it."""

from __future__ import annotations

import io
import signal
import time
import wave
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from test_server import is_silent, is_tone, until

from support.audio import tone
from support.client import ApiClient
from support.process import ServerProcess, serving

AREAS = """
[[areas]]
name = "Tỉnh mẫu"
path = "/tinh"
station = true

[[areas]]
name = "Xã mẫu"
path = "/tinh/xa"
station = true

[[areas]]
name = "Thôn mẫu"
path = "/tinh/xa/thon"

[[areas]]
name = "Xã khác"
path = "/tinh/xa-khac"
station = true
"""


def recording(seconds: float, hertz: float) -> bytes:
    """A WAV file of a tone."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((tone(seconds, hertz) * 32767).astype(np.int16).tobytes())
    return file.getvalue()


def slot_around_now(api: ApiClient, area: int) -> None:
    """Give an area a slot that is open now, and for hours."""
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    day = datetime.now(zone).date().isoformat()
    # All day, today and tomorrow: the test may run at midnight.
    api.call(
        "POST", f"/areas/{area}/slots",
        {"name": "Cả ngày", "first": f"{day}T00:00", "minutes": 1440, "rrule": "FREQ=DAILY"},
    )  # fmt: skip


def aired(api: ApiClient, area: int) -> list[dict[str, Any]]:
    """The as-run log of an area, oldest first."""
    items = api.call("GET", f"/areas/{area}/aired")["items"]
    return sorted(items, key=lambda row: row["from_tick"])


def test_a_bulletin_and_an_emergency_from_the_desk_to_the_air(tmp_path: Path) -> None:
    with serving(tmp_path, AREAS) as server:
        api = ApiClient.set_up(server.url, server.ready["setup_code"])
        commune, other = api.area("/tinh/xa"), api.area("/tinh/xa-khac")
        slot_around_now(api, commune)
        item = api.approved(commune, "Tiêm phòng", recording(20.0, 700.0))
        until(server, "/tinh/xa/thon", is_tone(700))

        storm = api.approved(
            api.area("/tinh"), "Bão", recording(3.0, 1500.0), **{"class": "emergency"}
        )
        called = api.call(
            "POST", "/emergencies",
            {"area": api.area("/tinh"), "bulletin": storm, "drill": True, "excluded": [other],
             "reason": "diễn tập"},
        )  # fmt: skip
        until(server, "/tinh/xa/thon", is_tone(1500))
        assert called["drill"] is True
        # What was interrupted goes on from where it was cut, to its end.
        until(server, "/tinh/xa/thon", is_tone(700))
        until(server, "/tinh/xa/thon", is_silent)

        rows = api.until(
            f"/areas/{commune}/aired",
            lambda said: [r["kind"] for r in said["items"] if r["complete"]].count("bulletin") == 2,
        )["items"]
        rows.sort(key=lambda row: row["from_tick"])
        assert [row["bulletin"] for row in rows] == [item, storm, item]
        assert [row["drill"] for row in rows] == [False, True, False]
        first, drill, rest = rows
        assert not first["complete"] and rest["complete"]
        assert first["to_tick"] <= drill["from_tick"] and drill["to_tick"] <= rest["from_tick"]
        # 20 s are 1,000 ticks: every one of them sounded once, but for those that a cut costs.
        sounded = sum(row["to_tick"] - row["from_tick"] for row in (first, rest))
        assert 998 <= sounded <= 1000
        assert aired(api, other) == [], "it was left out of the drill"
        assert api.call("GET", "/me")["login"] == "lan"


def test_what_was_interrupted_by_a_crash_is_replayed_from_its_start(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, AREAS)
    try:
        api = ApiClient.set_up(server.url, server.ready["setup_code"])
        commune = api.area("/tinh/xa")
        slot_around_now(api, commune)
        api.approved(commune, "Họp thôn", recording(30.0, 900.0))
        until(server, "/tinh/xa", is_tone(900))
        api.until(f"/areas/{commune}/aired", lambda said: said["items"])
    finally:
        server.stop(signal.SIGKILL)
        server.hang_up()
    with serving(tmp_path, AREAS) as again:
        assert "setup_code" not in again.ready
        api = ApiClient.sign_in(again.url)
        until(again, "/tinh/xa", is_tone(900))
        time.sleep(0.1)
        rows = api.until(f"/areas/{commune}/aired", lambda said: len(said["items"]) == 2)["items"]
        rows.sort(key=lambda row: row["from_tick"])
        assert rows[0]["failure"] and not rows[0]["complete"]
        assert rows[1]["skipped"] == 0 and rows[1]["from_tick"] > rows[0]["to_tick"]
