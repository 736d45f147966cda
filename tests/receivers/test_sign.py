"""The LED sign: what is on air goes before what was ordered, and nothing outlives its time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers import sign as module
from loa.receivers.sign import MOST, Sign, line_of
from support.horn import KeptJournal

NOW = 1_790_000_000.0


class Bench:
    def __init__(self, folder: Path, command: list[str] | None = None) -> None:
        self.folder = folder
        self.command = command or ["tee", "-a", str(folder / "shown")]
        self.on_air = ""
        self.unix: float | None = NOW
        self.journal = KeptJournal()
        self.sign = self.start()

    def start(self) -> Sign:
        return Sign(
            self.command, 5, self.folder / "sign.json", lambda: self.on_air, lambda: self.unix,
            self.journal,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.sign.run())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def shows(self, text: str | None) -> None:
        self.sign.turn()
        async with asyncio.timeout(10):
            while self.sign.shown != text:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    @property
    def lines(self) -> list[str]:
        return (self.folder / "shown").read_text().splitlines()


async def test_it_is_cleared_shown_and_cleared_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.running():
        await bench.shows("")
        bench.sign.order("Họp thôn lúc 19 giờ", NOW + 60)
        await bench.shows("Họp thôn lúc 19 giờ")
        bench.on_air = "Bão số 5"
        await bench.shows("Bão số 5")
        bench.on_air = ""
        await bench.shows("Họp thôn lúc 19 giờ")
        bench.unix = NOW + 60
        await bench.shows("")
        bench.sign.order("Còn hiệu lực", None)
        await bench.shows("Còn hiệu lực")
    meeting = "Họp thôn lúc 19 giờ"
    assert bench.lines == ["", meeting, "Bão số 5", meeting, "", "Còn hiệu lực", ""]


async def test_an_order_survives_a_power_cut_but_not_its_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.sign.order("Đến 19 giờ", NOW + 60)
    again = bench.start()
    assert again.wanted() == "Đến 19 giờ"
    bench.unix = None
    assert again.wanted() == "", "nobody knows the time: it may be over"
    bench.unix = NOW + 61
    assert again.wanted() == ""
    (tmp_path / "sign.json").write_bytes(b"{")
    assert bench.start().wanted() == ""


async def test_a_sign_that_fails_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRY_AGAIN", 0.01)
    gate = tmp_path / "works"
    bench = Bench(tmp_path, ["sh", "-c", f"test -e {gate} && cat > {tmp_path}/shown"])
    async with bench.running():
        async with asyncio.timeout(10):
            while not bench.sign.trouble:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)
        assert bench.journal.kinds() == ["sign_failed"]
        bench.on_air = "Chữ"
        gate.touch()
        await bench.shows("Chữ")
        assert bench.sign.trouble == ""


async def test_without_a_command_there_is_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    sign = Sign((), 5, tmp_path / "x", lambda: "", lambda: NOW, bench.journal)
    await sign.run()
    assert not sign.there


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=400))
def test_whatever_is_shown_is_one_short_line(text: str) -> None:
    line = line_of(text)
    assert len(line) <= MOST and line.encode() is not None
    assert "\n" not in line and "\x1b" not in line and line.isprintable()
