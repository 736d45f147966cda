"""What ``loa live`` shows: a living line with the level and the server's words, or JSON lines."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live as Line
from rich.text import Text

from loa.streamer.ingest.capture import CaptureError, Files, Input, Microphone, microphones
from loa.streamer.ingest.live import Live, LiveError, Settings

_REFRESH = 0.1
_CELLS = 20
_LOWEST = -60.0


class JsonTeller:
    """One JSON object a line on standard output, for programs."""

    def tell(self, event: dict[str, Any]) -> None:
        """Print an event."""
        print(json.dumps(event, ensure_ascii=False), flush=True)

    async def show(self, live: Live) -> None:
        """Print the level at the microphone twice a second."""
        while True:
            await asyncio.sleep(0.5)
            peak, mean = live.meter.read()
            self.tell({"event": "level", "peak_dbfs": round(peak, 1), "rms_dbfs": round(mean, 1)})


class ConsoleTeller:
    """A line that lives, on a terminal; elsewhere only what changes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: dict[str, Any] = {}
        self._state = "connecting"

    def tell(self, event: dict[str, Any]) -> None:
        """Take an event; what is worth a line of its own is printed."""
        kind = event["event"]
        if kind == "status":
            self._status = event
            return
        self._state = kind
        if kind == "connected":
            self._console.print(f"connected to {event['area']}", style="green")
        elif kind == "lost":
            self._status = {}
            self._console.print(
                f"{event['reason']}; trying again in {event['again_in']} s", style="yellow"
            )

    async def show(self, live: Live) -> None:
        """Draw the line until cancelled."""
        if not self._console.is_terminal:
            await asyncio.Event().wait()
        with Line(console=self._console, auto_refresh=False, transient=True) as line:
            while True:
                await asyncio.sleep(_REFRESH)
                line.update(self.line(*live.meter.read(), live.dropped), refresh=True)

    def line(self, peak: float, mean: float, dropped: int) -> Text:
        """Return the line for a level in dBFS."""
        text = Text(no_wrap=True, overflow="ellipsis")
        status = self._status
        if self._state != "connected":
            text.append(f" {self._state} ", style="black on yellow")
        elif status.get("mounts"):
            text.append(" ON AIR ", style="bold white on red")
            text.append(f" {status['mounts']} areas, {status['listeners']} listeners ")
        else:
            text.append(" not on air ", style="white on blue")
        cells = round((max(mean, _LOWEST) - _LOWEST) / -_LOWEST * _CELLS)
        style = "red" if peak > -1.0 else "green" if mean > -50.0 else "dim"
        text.append(f" {'█' * cells}{'░' * (_CELLS - cells)} ", style=style)
        text.append(f"{peak:4.0f} dB ")
        if status.get("output_lufs") is not None:
            text.append(f"| out {status['output_lufs']:.0f} LUFS ")
        if status.get("gain_db") is not None:
            text.append(f"| gain {status['gain_db']:+.0f} dB ")
        if status:
            text.append(f"| ring {status['ring_ms']:.0f} ms ")
        lost = dropped + status.get("lost", 0)
        if lost:
            text.append(f"| lost {lost * 20} ms ", style="yellow")
        if status.get("note"):
            text.append(f"| {status['note']}")
        return text


def list_devices() -> int:
    """Print the microphones there are."""
    try:
        print("\n".join(microphones()) or "there is no microphone")
    except CaptureError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def go_live(settings: Settings, mic: str | None, files: list[Path], *, as_json: bool) -> int:
    """Run ``loa live``; return the exit status: 0 after a goodbye, 1 after an error."""
    teller = JsonTeller() if as_json else ConsoleTeller(Console(stderr=True))
    try:
        asyncio.run(_run(settings, mic, files, teller))
    except (LiveError, CaptureError) as error:
        if as_json:
            teller.tell({"event": "error", "text": str(error)})
        print(f"loa live: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(
    settings: Settings, mic: str | None, files: list[Path], teller: JsonTeller | ConsoleTeller
) -> None:
    source: Input = Files(files) if files else Microphone(mic)
    live = Live(settings, source, teller.tell)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, live.stop)
    view = asyncio.create_task(teller.show(live))
    try:
        await live.run()
    finally:
        view.cancel()
        await asyncio.gather(view, return_exceptions=True)
