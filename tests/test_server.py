"""A whole server as its users have it: configured areas, files, relays, sources, restarts."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from loa.codecs.opus import OpusStream
from support.audio import frequency, ogg_opus, tone
from support.process import LOA, ServerProcess, put_head, serving


def write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def heard(server: ServerProcess, path: str, seconds: float = 1.0) -> np.ndarray:
    """Listen for so long and return the samples."""
    listener = server.listen(f"{path}.opus", "?burst=0")
    stream = OpusStream()
    blocks: list[np.ndarray] = []
    while sum(map(len, blocks)) < seconds * 48_000:
        data = listener.receive()
        assert data
        blocks += stream.feed(data)
    listener.close()
    return np.concatenate(blocks)


def until(server: ServerProcess, path: str, what: Callable[[np.ndarray], bool]) -> None:
    """Listen until what is heard is as it should be; fail after a while."""
    end = time.monotonic() + 30
    while not what(heard(server, path)):
        assert time.monotonic() < end, server.log.read_text()


def is_tone(hertz: float) -> Callable[[np.ndarray], bool]:
    return lambda pcm: np.abs(pcm).max() > 0.05 and abs(frequency(pcm) - hertz) < 5


def is_silent(pcm: np.ndarray) -> bool:
    return bool(np.abs(pcm).max() < 1e-3)


AREAS = """
[[areas]]
name = "Tỉnh mẫu"
path = "/tinh"
file = "chao.wav"

[[areas]]
name = "Xã mẫu"
parent = "/tinh"
aliases = ["/xa-cu"]
tokens = [{ password = "mot-mat-khau" }]

[[areas]]
name = "Xã khác"
parent = "/tinh"
"""


def test_files_lives_and_aliases_of_a_configured_tree(tmp_path: Path):
    write_wav(tmp_path / "chao.wav", tone(3.0, 300.0))
    with serving(tmp_path, AREAS) as server:
        assert server.ready["mounts"] == ["/tinh", "/tinh/xa-mau", "/tinh/xa-khac"]
        until(server, "/tinh/xa-mau", is_tone(300))
        source = server.connect()
        source.sendall(put_head("mot-mat-khau", "/xa-cu.ogg"))
        assert b" 200 " in source.recv(1000)
        source.settimeout(30)
        source.sendall(ogg_opus(tone(6.0, 800.0), eos=True))
        until(server, "/tinh/xa-mau", is_tone(800))
        assert is_tone(300)(heard(server, "/tinh/xa-khac", 1.0))
        until(server, "/tinh/xa-mau", is_tone(300))
        wrong = server.connect()
        wrong.sendall(put_head("mot-mat-khau", "/tinh/xa-khac.ogg"))
        assert b" 401 " in wrong.recv(1000), "this token is for another area"


def test_a_prepared_file_is_not_prepared_again(tmp_path: Path):
    write_wav(tmp_path / "chao.wav", tone(1.0))
    with serving(tmp_path, AREAS) as server:
        until(server, "/tinh", is_tone(440))
        assert server.metric("loa_files_prepared_total") == 1
    with serving(tmp_path, AREAS) as server:
        until(server, "/tinh", is_tone(440))
        assert server.metric("loa_files_prepared_total") == 0


def test_a_file_that_is_no_audio_is_said_and_the_area_is_silent(tmp_path: Path):
    (tmp_path / "chao.wav").write_bytes(b"RIFF" + bytes(range(256)) * 50)
    with serving(tmp_path, AREAS) as server:
        server.wait_for("loa_files_unusable_total", 1)
        assert is_silent(heard(server, "/tinh", 0.5))
        assert "chao.wav" in server.log.read_text()


def test_one_server_relays_another_and_falls_back_to_its_file(tmp_path: Path):
    (tmp_path / "origin").mkdir()
    (tmp_path / "relay").mkdir()
    write_wav(tmp_path / "origin" / "chao.wav", tone(2.0, 700.0))
    write_wav(tmp_path / "relay" / "thay.wav", tone(2.0, 300.0))
    origin = ServerProcess(tmp_path / "origin", AREAS)
    until(origin, "/tinh", is_tone(700))
    config = f"""
    [relays]
    allow_private = ["127.0.0.1"]
    [[areas]]
    name = "Xã"
    relay = "{origin.url}/tinh.opus"
    file = "thay.wav"
    """
    with serving(tmp_path / "relay", config) as server:
        until(server, "/xa", is_tone(700))
        origin.stop()
        origin.hang_up()
        until(server, "/xa", is_tone(300))


def test_a_source_that_is_being_decoded_does_not_hold_up_the_end(tmp_path: Path):
    write_wav(tmp_path / "a.wav", tone(2.0))
    samples, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    soundfile.write(tmp_path / "a.flac", samples, rate)
    with serving(tmp_path) as server:
        source = server.connect()
        source.sendall(put_head(server.password, "/xa-mau.flac", "audio/flac"))
        assert b" 200 " in source.recv(1000)
        source.sendall((tmp_path / "a.flac").read_bytes())
        until(server, "/xa-mau", is_tone(440))
        server.process.send_signal(signal.SIGTERM)
        source.settimeout(5)  # its thread waits for bytes; nobody waits for it any longer than that
        assert source.recv(1000) == b""
        server.process.wait(20)  # a second signal would end it without grace


def test_private_relays_are_refused_by_default(tmp_path: Path):
    config = '[[areas]]\nname = "Xã"\nrelay = "http://127.0.0.1:9999/x.opus"\n'
    with serving(tmp_path, config) as server:
        until(server, "/xa", is_silent)
        assert "127.0.0.1" in server.log.read_text()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/status-json.xsl", "/"])
def test_the_server_answers(tmp_path: Path, path: str):
    with serving(tmp_path) as server:
        assert server.get(path)


def test_the_clock_is_published_with_its_uncertainty(tmp_path: Path):
    with serving(tmp_path) as server:
        said = json.loads(server.get("/api/v1/clock"))
        assert abs(said["unix"] - time.time()) < 5
        assert 0 <= said["uncertainty"] < 1


def test_nothing_else_is_there(tmp_path: Path):
    with serving(tmp_path) as server:
        for path in ("/api/v1/none", "/nowhere.opus", "/../etc/passwd"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(server.url + path)
            assert refused.value.code == 404
            refused.value.close()


def test_a_second_server_on_the_same_data_is_told_who_has_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        done = subprocess.run(
            [*LOA, "serve", "--data", str(tmp_path / "data"), "--port", "0"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 1
        assert f"in use by another Loa (process {server.process.pid})" in done.stderr
