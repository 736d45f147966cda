"""The studio's page to the horn: what a browser adds to ``mouth_to_horn``.

Chromium, with a file as its microphone, opens the studio's page of ``loa serve`` and goes live as a
member of staff would; ``loa receiver run`` plays it. What the microphone hears is speech with a
20 ms chirp about every 1.1 s (``bursts.py``); each is looked for in what the receiver's sound card
plays.

When a chirp was at the microphone is known without asking the page's own code: the track that the
page got is cloned before it gets it, and a ``MediaStreamTrackProcessor`` reads from the clone every
block of the fake device. Its capture times have no known zero, but they run with the clock: the
block that was read soonest after its own says where zero is, but for the delay that even this one
had, and that Chromium measures itself (``track.stats``: from the device to the track). All blocks
are kept, and the chirps are looked for in them afterwards, by the same correlation as at the other
end. The time of a block is when the device handed it over, so its first sample was in the air one
block (10 ms) earlier: that is counted in, as in ``mouth_to_horn``.

Inside are therefore: the device's block, Chromium's audio service and the resampling from the fake
device's 44.1 kHz stereo, the audio thread's frame of 20 ms, the encoder's worker, the network
process, our WebSocket, ring, chain, page, fan-out, and the receiver with its sound card. The bounds
are those of the table (180 and 300 ms), and for the browser 60 and 100 ms; as everywhere a try is
judged with the slack of a bare timer's p99 in the same seconds.
"""

from __future__ import annotations

import base64
import contextlib
import json
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks import bursts, speech
from benchmarks.load import until
from benchmarks.mouth_to_horn import (
    Recorder,
    command,
    deadline,
    decoded,
    heard,
    latency_rows,
)
from benchmarks.rows import Missing, Row, percentile
from benchmarks.server import LOW, LoaServer

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "một mật khẩu chỉ để đo"
OPENED = 12.0
"""Seconds of the file before the first chirp: the page is open and live by then."""
SETTLED = 5.0
"""Seconds on air before a chirp counts: the leveller has locked, the receiver's buffer is full."""
BROWSER_P50, BROWSER_P99 = 60.0, 100.0
ENOUGH = 0.95
LATEST = 0.1
FLAGS = (
    "--disable-gpu", "--no-first-run", "--disable-background-networking", "--mute-audio",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--no-proxy-server",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
)  # fmt: skip
LISTEN = """
const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
window.heard = {stats: {}, at: [], when: [], lengths: [], rate: 0, blocks: []};
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await real(wanted);
  const track = stream.getAudioTracks()[0].clone();
  const reader = new MediaStreamTrackProcessor({track}).readable.getReader();
  (async () => {
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, {planeIndex: 0, format: 'f32-planar'});
      heard.rate = value.sampleRate;
      heard.stats = track.stats.toJSON();
      heard.at.push(value.timestamp / 1e6);
      heard.when.push((performance.timeOrigin + performance.now()) / 1e3);
      heard.lengths.push(value.numberOfFrames);
      heard.blocks.push(samples);
      value.close();
    }
  })();
  return stream;
};
window.kept = () => {
  const all = new Float32Array(heard.lengths.reduce((a, b) => a + b, 0));
  let at = 0;
  for (const block of heard.blocks) { all.set(block, at); at += block.length }
  const bytes = new Uint8Array(all.buffer);
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768)
    text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return {...heard, blocks: btoa(text)};
};
"""


class Timer(threading.Thread):
    """A bare timer beside it all: how late this machine is by itself."""

    EVERY = 0.02

    def __init__(self) -> None:
        super().__init__(name="timer", daemon=True)
        self._over = threading.Event()
        self._late: list[float] = []
        self.start()

    def run(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            due += self.EVERY
            time.sleep(max(0.0, due - time.monotonic()))
            self._late.append(1e3 * (time.monotonic() - due))

    def stop(self) -> float:
        """Return the 99th percentile of its lateness, in ms."""
        self._over.set()
        self.join(5)
        return percentile(self._late, 0.99)


def call(url: str, path: str, body: dict[str, Any], token: str = "") -> Any:
    """Call the API."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"{url.rstrip('/')}/api/v1{path}", data, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def at_microphone(said: dict[str, Any]) -> bursts.Recording:
    """Return what the fake device gave, at 48 kHz, each block with when it was in the air."""
    times = np.array(said["at"])
    lengths = np.array(said["lengths"], dtype=np.int64)
    # The page's clock is that of the day, or was when the page was opened: both run alike since.
    read = np.array(said["when"]) - (time.time() - time.monotonic())
    least = said["stats"]["minimumLatency"] / 1e3
    times += float(np.min(read - times)) - least
    if not 0 <= least <= LATEST:
        raise RuntimeError(f"Chromium says that its device is {least:.3f} s away")
    raw = np.frombuffer(base64.b64decode(said["blocks"]), dtype="<f4")
    rate = said["rate"]
    ends = np.cumsum(lengths)
    places = np.arange(round(len(raw) * bursts.RATE / rate)) * (rate / bursts.RATE)
    audio = np.interp(places, np.arange(len(raw)), raw).astype(np.float32)
    cut = np.round(ends * bursts.RATE / rate).astype(np.int64)
    sizes = np.diff(np.concatenate([[0], cut]))
    return bursts.Recording(times - lengths / rate, sizes, audio[: cut[-1]])


def run(quick: bool) -> list[Row]:
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        raise Missing("needs the Python module playwright") from None
    if not CHROMIUM.exists():
        raise Missing("needs Chromium")
    seconds = 45.0 if quick else 90.0
    starts = bursts.place(seconds, seed=time.time_ns() & 0xFFFF, first=OPENED)
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loa-bench-")))
        file = home / "microphone.wav"
        sound = bursts.lay(speech.samples(seconds), starts)
        soundfile.write(file, sound, bursts.RATE, subtype="PCM_16")
        server = stack.enter_context(LoaServer(file=False))
        call(server.url, "/setup", {
            "code": server.setup_code, "login": "lan", "name": "Lan", "password": PASSWORD,
        })  # fmt: skip
        signed_in = {"login": "lan", "password": PASSWORD, "cookie": False}
        token = call(server.url, "/sign-in", signed_in)["token"]
        areas = call(server.url, "/areas/tree", {}, token)["items"]
        area = next(one["id"] for one in areas if one["path"] == server.LIVE)
        stack.enter_context(
            command(
                home, "receiver", "receiver", "run",
                "--url", f"{server.url}{server.LIVE}.opus?cadence=low",
                LOA_BENCH_HEARD=str(home / "heard"),
            )
        )  # fmt: skip
        until("the receiver plays", 15, (home / "heard").exists)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=False,
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={file}%noloop"],
        )  # fmt: skip
        stack.callback(browser.close)
        version = browser.version.partition(".")[0]
        context = browser.new_context(permissions=["microphone"], locale="vi-VN")
        context.add_init_script(LISTEN)
        context.add_init_script(f"localStorage.setItem('loa.studio.areas', '[{area}]')")
        context.request.post(
            f"{server.url.rstrip('/')}/api/v1/sign-in", data={**signed_in, "cookie": True}
        )
        page = context.new_page()
        page.goto(f"{server.url.rstrip('/')}/studio")
        page.locator(".begin:enabled").click(timeout=15_000)
        page.locator(".now").click()
        page.locator(".band.onAir").wait_for(timeout=15_000)
        live = time.monotonic()
        recorder = Recorder(server.address(server.LIVE, LOW))
        recorder.start()
        began = page.evaluate("heard.when[0]") - (time.time() - time.monotonic())
        timer = Timer()
        page.wait_for_timeout(1e3 * max(0.0, began + seconds - 1 - time.monotonic()))
        slack = timer.stop()
        health = page.locator("dl").last.inner_text()
        pages = recorder.stop()
        clock = server.clock()
        played = heard(home / "heard")
        microphone = at_microphone(page.evaluate("kept()"))
    # The file began a little before the clone did; the correlation finds where.
    made = bursts.times(microphone, [began - 0.5 + start / bursts.RATE for start in starts])
    counted = [one for one in made if one is not None and one > live + SETTLED]
    kinds = {one: number for number, one in enumerate(made) if one is not None}
    horn, ticks = [], []
    # A burst's kind goes by its number, so those that are left out keep theirs.
    known = [one if one is not None else 0.0 for one in made]
    at_horn = bursts.times(played, known)
    timeline = decoded(pages, clock)
    first = pages[0].last_tick - len(pages[0].packets) + 1
    at_tick = bursts.find(timeline, known)
    for one in counted:
        number = kinds[one]
        end, place = at_horn[number], at_tick[number]
        if end is not None:
            horn.append(1e3 * (end - one))
        if place is not None:
            ticks.append(1e3 * (deadline(clock, first + place // 960) - one))
    if not counted or len(horn) < ENOUGH * len(counted):
        raise RuntimeError(f"of {len(counted)} bursts {len(horn)} were heard: {health}")
    note = f"{len(horn)} of {len(counted)} bursts, Chromium {version}"
    rows = latency_rows(
        "studio's page to horn", horn, 180 + BROWSER_P50, 300 + BROWSER_P99, slack, note
    )
    rows += latency_rows(
        "browser, LAN, ring, level, encode", ticks, 82 + BROWSER_P50, 145 + BROWSER_P99, slack
    )
    rows.append(Row("bare timer beside it, p99", slack, "ms"))
    return rows
