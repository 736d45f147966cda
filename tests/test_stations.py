"""From a set-up code to the horn and into the log: the whole server, as staff use it."""

from __future__ import annotations

import io
import signal
import wave
from datetime import UTC, datetime, timedelta
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


def log_of(area: int) -> str:
    """Where the as-run log of an area is, of everything that a test does."""
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    first, last = (f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in (now - hour, now + hour))
    return f"/areas/{area}/aired?from={first}&to={last}"


def whole(said: dict[str, Any]) -> int:
    """How many bulletins of an as-run log went to their end."""
    return sum(row["kind"] == "bulletin" and row["complete"] for row in said["items"])


def length(row: dict[str, Any]) -> int:
    """The ticks of a stretch."""
    return int(row["to_tick"] - row["from_tick"])


def test_a_bulletin_and_an_emergency_from_the_desk_to_the_air(tmp_path: Path) -> None:
    with serving(tmp_path, AREAS) as server:
        api = ApiClient.set_up(server.url, server.ready["setup_code"])
        commune, other = api.area("/tinh/xa"), api.area("/tinh/xa-khac")
        slot_around_now(api, commune)
        item = api.approved(commune, "Tiêm phòng", recording(14.0, 700.0))
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

        rows = api.until(log_of(commune), lambda said: whole(said) == 2)["items"]
        assert [row["bulletin"] for row in rows] == [item, storm, item]
        assert [row["drill"] for row in rows] == [False, True, False]
        first, drill, rest = rows
        assert not first["complete"] and rest["complete"]
        assert first["to_tick"] <= drill["from_tick"] and drill["to_tick"] <= rest["from_tick"]
        # 14 s are 700 ticks and the encoder's lead of four: each sounded once, but for those that a
        # cut costs.
        assert 701 <= length(first) + length(rest) <= 704
        assert api.call("GET", log_of(other))["items"] == [], "it was left out of the drill"
        assert api.call("GET", "/me")["login"] == "lan"


def test_what_a_crash_interrupted_goes_on_where_it_was(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, AREAS)
    try:
        api = ApiClient.set_up(server.url, server.ready["setup_code"])
        commune = api.area("/tinh/xa")
        slot_around_now(api, commune)
        api.approved(commune, "Họp thôn", recording(12.0, 900.0))
        until(server, "/tinh/xa", is_tone(900))
        api.until(log_of(commune), lambda said: said["items"])
    finally:
        server.stop(signal.SIGKILL)
        server.hang_up()
    with serving(tmp_path, AREAS) as again:
        assert "setup_code" not in again.ready
        api = ApiClient.sign_in(again.url)
        until(again, "/tinh/xa", is_tone(900))
        rows = api.until(log_of(commune), lambda said: whole(said) == 1)["items"]
        cut, rest = rows
        assert cut["failure"] and not cut["complete"]
        assert rest["from_tick"] >= cut["to_tick"]
        # What sounded was noted twice a second: at most so much of it is heard again, or not.
        assert abs(length(cut) + length(rest) - 602) <= 50
