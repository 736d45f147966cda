"""What a receiver says of itself: a value each second, a live line for people."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.text import Text

from loa.native.ring import RingState
from loa.receivers.listen.client import Link, LinkState
from loa.receivers.listen.hearing import Heard

STATES = {
    RingState.PRIMING: "buffering",
    RingState.RUNNING: "playing",
    RingState.CONCEALING: "concealing",
    RingState.STARVED: "silent",
    RingState.ENDED: "silent",
}
STYLES = {
    "playing": "bold green",
    "buffering": "yellow",
    "concealing": "yellow",
    "connecting": "yellow",
    "reconnecting": "bold red",
    "silent": "bold red",
}


class Meter:
    """Peak and RMS of what was played since they were last taken; written by one thread."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._squares = 0.0
        self._samples = 0

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Take samples of any number."""
        self._peak = max(self._peak, float(np.abs(block).max()))
        self._squares += float(np.dot(block, block))
        self._samples += len(block)

    def take(self) -> tuple[float | None, float | None]:
        """Return peak and RMS in dBFS (None: silence) and begin anew."""
        peak, squares, samples = self._peak, self._squares, self._samples
        self._peak = self._squares = 0.0
        self._samples = 0
        return _db(peak), _db(math.sqrt(squares / samples) if samples else 0.0)


def _db(value: float) -> float | None:
    return round(20 * math.log10(value), 1) if value > 1e-6 else None


@dataclass(frozen=True, slots=True)
class Report:
    """One second of a receiver; times in ms, levels in dBFS, the rest counts since the start."""

    state: str
    url: str
    seconds: float
    tick: int | None
    buffer_ms: float
    depth_ms: float
    level_db: float | None
    peak_db: float | None
    drift_ppm: float
    packets: int
    lost: int
    concealed_ms: float
    stalls: int
    trimmed_ms: float
    reconnects: int
    bytes: int
    underflows: int
    error: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def make_report(
    url: str,
    seconds: float,
    heard: Heard,
    link: LinkState,
    levels: tuple[float | None, float | None],
    underflows: int,
) -> Report:
    """Put together what each part says of itself."""
    ring = heard.ring
    state = STATES[ring.state]
    if link.link is not Link.CONNECTED and ring.state is not RingState.RUNNING:
        state = "reconnecting" if heard.joins else "connecting"
    return Report(
        state=state,
        url=url,
        seconds=round(seconds, 2),
        tick=heard.tick,
        buffer_ms=round(ring.fill_ms, 1),
        depth_ms=round(ring.depth_ms, 1),
        level_db=levels[1],
        peak_db=levels[0],
        drift_ppm=round(ring.drift_ppm, 1),
        packets=heard.packets,
        lost=heard.lost,
        concealed_ms=round(ring.concealed / 48 + 20 * heard.made_up, 1),
        stalls=ring.stalls,
        trimmed_ms=round(ring.trimmed / 48, 1),
        reconnects=link.reconnects,
        bytes=heard.bytes,
        underflows=underflows,
        error=link.error,
    )


def live_line(report: Report) -> Text:
    """Return one line for a terminal."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{report.state:<12}", STYLES.get(report.state, ""))
    level = -60.0 if report.level_db is None else max(-60.0, report.level_db)
    bars = round((level + 60) / 3)
    line.append("█" * bars, "green").append("·" * (20 - bars), "dim")
    line.append(f" {level:5.0f} dB" if level > -60 else "   -∞ dB")
    line.append(f"  tick {'–' if report.tick is None else report.tick}")
    line.append(f"  buffer {report.buffer_ms:.0f}/{report.depth_ms:.0f} ms")
    line.append(f"  lost {report.lost}", "red" if report.lost else "")
    line.append(f"  concealed {report.concealed_ms:.0f} ms")
    line.append(f"  reconnects {report.reconnects}")
    line.append(f"  {report.bytes / 1000:.0f} kB")
    if report.error:
        line.append(f"  {report.error}", "red")
    return line
