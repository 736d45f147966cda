"""The engine on its own clock: nothing that happens to Python makes it wait, and after a stall of
the whole process it goes on. Counted, not timed."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from loa.native.engine import ChainConfig, Engine
from loa.native.ring import RingConfig
from support.timeline import SILENCE, Page, Stream, clip_programme

START = 45_000_000_000


def wait_until(what: Callable[[], bool]) -> None:
    """Wait for something that must come; a minute is for machines that are very busy."""
    patience = time.monotonic() + 60
    while not what():
        assert time.monotonic() < patience, "it never came"
        time.sleep(0.005)


def pages_of(data: bytes) -> list[Page]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        stream = Stream(theirs, b"")
        pages: list[Page] = []
        for at in range(0, len(data), 4096):
            ours.sendall(data[at : at + 4096])
            pages += stream.read()
        return pages


def test_holding_the_gil_makes_no_tick_and_no_page_late() -> None:
    """A reader in another process gets pages while no Python can run in this one."""
    hold = ctypes.PyDLL(None).usleep  # PyDLL keeps the GIL while it calls
    with Engine(START, fanouts=1, workers=1) as engine, tempfile.NamedTemporaryFile() as got:
        mount = engine.open_mount()
        live = engine.open_live(
            ChainConfig(complexity=0), RingConfig(max_depth_ms=1000, capacity_ms=4000), 0
        )
        live.write(np.zeros(48_000 * 2, np.float32), False)
        engine.carry([mount], live.handle, 0)
        ours, theirs = socket.socketpair()
        cat = subprocess.Popen(["cat"], stdin=theirs, stdout=got)
        theirs.close()
        engine.join(mount, ours.detach(), b"", cadence=2, burst_ticks=0, max_lag_ticks=100)
        wait_until(lambda: os.fstat(got.fileno()).st_size > 0)

        before, size = engine.tick, os.fstat(got.fileno()).st_size
        hold(500_000)
        # What the next two calls see was there before any other thread could run Python.
        after, grown = engine.tick, os.fstat(got.fileno()).st_size
        # 25 ticks and 12 pages are due; a busy machine may have made a few of them late.
        assert after - before >= 15
        assert len(pages_of(os.pread(got.fileno(), grown - size, size))) >= 6
        live.close()
        engine.stop(1000)
        assert cat.wait() == 0
        pages = pages_of(Path(got.name).read_bytes())
        assert all(a.last + 1 == b.first for a, b in pairwise(pages))
        assert pages[-1].flags


def test_after_a_long_stall_it_skips_counts_and_goes_on() -> None:
    """Stopped for two seconds: one second is made up for, the rest is skipped."""
    ours, theirs = socket.socketpair()
    strict_ours, strict_theirs = socket.socketpair()
    script = Path(__file__).with_name("engine_child.py")
    with theirs, strict_theirs:
        child = subprocess.Popen(
            [sys.executable, script, str(START), str(ours.fileno()), str(strict_ours.fileno())],
            pass_fds=[ours.fileno(), strict_ours.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
        ours.close()
        strict_ours.close()
        assert child.stdin and child.stdout
        start = int(child.stdout.readline())
        theirs.setblocking(False)
        strict_theirs.setblocking(False)
        streams = [Stream(theirs, b""), Stream(strict_theirs, b"")]
        pages: list[list[Page]] = [[], []]

        def read() -> int:
            for stream, got in zip(streams, pages, strict=True):
                got += stream.read()
            return min(len(got) for got in pages)

        wait_until(lambda: read() >= 10)
        os.kill(child.pid, signal.SIGSTOP)
        time.sleep(2.2)
        os.kill(child.pid, signal.SIGCONT)
        had = read()
        wait_until(lambda: read() >= had + 70)
        report, _ = child.communicate("stop\n")
        assert child.returncode == 0
        read()
    said = json.loads(report)
    assert said["stats"]["ticks_skipped"] >= 40
    assert said["skipped"] and sum(said["skipped"]) == said["stats"]["ticks_skipped"]
    # The stall was nobody's lag: no listener lost anything, nor was one sent away.
    assert said["stats"]["lag_skips"] == said["stats"]["leaves_lag"] == 0
    programme = clip_programme(0, 1000, start, 0, 1000)
    assert programme.packet
    for got in pages:
        assert got[-1].flags
        for before, page in pairwise(got):
            assert page.first == before.last + 1
        for page in got[:-1]:
            for tick, packet in enumerate(page.packets, page.first):
                sounds = programme.covers(tick) and tick < got[-1].last
                assert packet == (programme.packet(tick) if sounds else SILENCE)
