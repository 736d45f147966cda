"""A process with nothing but the engine in it: no event loop, no configuration, no encoder.

    python -m benchmarks.engine_host MOUNTS CLIPS SECONDS

It holds MOUNTS mounts and CLIPS different clips of so many seconds of speech, clip ``m % CLIPS`` in
a loop on mount ``m`` (by the server's own play-out), and lets listeners join with
``GET /MOUNT?cadence=low|thrifty``. It obeys ``benchmarks.control``.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time

import numpy as np

from benchmarks import control, speech
from loa.codecs.opus import timeline_headers
from loa.native.engine import Clip, Engine
from loa.native.error import NativeError
from loa.streamer.air.playout import Playout

START_TICK = 4_000_000_000
PREFIX = (
    b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nCache-Control: no-cache, no-store\r\n"
    b"Connection: close\r\n\r\n"
) + timeline_headers()


def different_clips(count: int, seconds: float) -> list[Clip]:
    """Return clips that share no memory: the same speech, each begun at another packet."""
    data, sizes = speech.packets(seconds)
    ends = np.cumsum(sizes, dtype=np.int64)
    clips = []
    for number in range(count):
        turn = number * len(sizes) // count
        cut = int(ends[turn - 1]) if turn else 0
        clips.append(Clip(data[cut:] + data[:cut], np.roll(sizes, -turn)))
    return clips


def serve(engine: Engine, server: socket.socket) -> None:
    """Accept listeners for ever, one after the other."""
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client, contextlib.suppress(OSError, ValueError, NativeError):
            client.settimeout(1)
            target = client.recv(4096).split()[1].decode()
            path, _, query = target.partition("?")
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.setblocking(False)
            cadence = 10 if "thrifty" in query else 2
            fd = client.detach()
            engine.join(
                int(path[1:]), fd, PREFIX, cadence=cadence, burst_ticks=0, max_lag_ticks=500
            )


def main() -> None:
    mounts, count, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    clips = different_clips(count, seconds)
    with (
        Engine(START_TICK, workers=0) as engine,
        socket.create_server(("127.0.0.1", 0), backlog=4096) as server,
    ):
        for _ in range(mounts):
            engine.open_mount()
        playouts = [
            Playout(engine, f"clip {number}", clip, engine.tick + 25 + number, lambda *_: None)
            for number, clip in enumerate(clips)
        ]
        for number, playout in enumerate(playouts):
            playout.open()
            playout.join(range(number, mounts, count), playout.start)
        threading.Thread(target=serve, args=(engine, server), daemon=True).start()
        print(json.dumps({"port": server.getsockname()[1]}), flush=True)
        over = control.start(lambda: engine)
        while not over.is_set():
            time.sleep(0.5)
            engine.events()
            for playout in playouts:
                playout.advance(engine.tick)


if __name__ == "__main__":
    main()
