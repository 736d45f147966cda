"""``python -m benchmarks.player_alone --seconds N``: a box's player plays N seconds from its cache.

It prints as JSON what that took. Time is passed by hand, so it goes as fast as it can.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from benchmarks.horns import Day, Notes, Shelf, encoded, voices
from loa.codecs.control.messages import Change, Message, Pong, Welcome
from loa.codecs.control.settings import Settings
from loa.receivers.carriage import Carriage
from loa.receivers.parts import Prepared

HASH = b"p" * 32
FIRST = 3_000_000_000
CLIP = 100
"""Ticks that are encoded; they go round and round."""
CARD = 1 + 60e-6


class Nowhere:
    """A line that takes everything."""

    up = True
    down_since: float | None = None

    def send(self, message: Message) -> bool:
        return True


def megabytes() -> float:
    """Return what this process has in memory now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("there is no /proc here")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=10)
    seconds = parser.parse_args().seconds
    ticks = seconds * 50
    clip = encoded(voices(CLIP))
    packets = tuple(clip[i % CLIP] for i in range(ticks))
    before = megabytes()
    now = 100.0
    shelf = Shelf({HASH: Prepared(HASH, packets)})
    carriage = Carriage(
        Nowhere(), shelf, Notes(), Day(), settings=Settings(), monotonic=lambda: now
    )
    carriage.welcomed(Welcome(version=1, tick=FIRST, unix=0.0))
    carriage.take(Pong(sent=now - 0.01, tick=FIRST, unix=0.0), now)
    change = Change(tick=FIRST + 5, kind="bulletin", play="p", audio=HASH, ticks=ticks)
    carriage.take(change, now)
    out = np.empty(960, np.float32)
    sounded = 0
    began = time.process_time()
    for block in range(ticks + 50):
        now = 100.0 + block * 0.02 * CARD
        sounded += carriage.player.read_into(out, now + 0.03)
        if block % 5 == 0:
            carriage.look(now)
    cpu = time.process_time() - began
    assert sounded >= ticks, (sounded, ticks)
    print(
        json.dumps(
            {
                "cpu_hour": cpu / seconds * 3600,
                "player_mb": megabytes() - before,
                "whole_mb": megabytes(),
            }
        )
    )


if __name__ == "__main__":
    main()
