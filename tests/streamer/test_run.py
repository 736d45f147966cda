"""``loa serve`` as a process: what it prints, what systemd hears, how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def environment(**more: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("LOA_")} | more


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from loa.streamer.cli import main; main()", *words]


@contextlib.contextmanager
def serve(folder: Path, *options: str, **more: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Run ``loa serve --json`` on a free port in ``folder``; the process and its line."""
    with subprocess.Popen(
        command("serve", "--json", "--port", "0", *options),
        cwd=folder,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield process, json.loads(line)
        finally:
            process.kill()


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
        return body


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(10)
        yield path, receiver


def test_from_ready_to_a_graceful_end(tmp_path: Path, manager: tuple[str, socket.socket]) -> None:
    path, receiver = manager
    with serve(tmp_path, NOTIFY_SOCKET=path, WATCHDOG_USEC="600000") as (process, line):
        assert set(line) == {
            "version", "url", "mounts", "data", "source", "receivers", "setup_code",
        }  # fmt: skip
        assert set(line["source"]) == {"user", "password"}
        assert line["mounts"] == ["/xa-mau"]
        said = receiver.recv(1000).split(b"\n")
        assert said[0] == b"READY=1" and line["url"].encode() in said[1]
        # Ticks are made: the watchdog is fed, again and again.
        assert [receiver.recv(1000) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        assert json.loads(get(line["url"] + "/healthz"))["status"] == "ok"
        assert json.loads(get(line["url"] + "/readyz"))["missing"] == []
        assert b"loa_listeners 0.0" in get(line["url"] + "/metrics")

        host, port = line["url"].removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as listener:
            listener.sendall(b"GET /xa-mau.opus?cadence=low HTTP/1.1\r\n\r\n")
            heard = listener.recv(4096)
            while heard.count(b"OggS") < 5:
                heard += listener.recv(4096)
            process.send_signal(signal.SIGTERM)
            while more := listener.recv(4096):
                heard += more
        # The sixth byte of a page holds its flags: the last one, and only that, ends the stream.
        pages = heard.partition(b"\r\n\r\n")[2].split(b"OggS")[1:]
        assert [bool(page[1] & 4) for page in pages] == [False] * (len(pages) - 1) + [True]
        out, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert out == ""
        while (word := receiver.recv(1000)) == b"WATCHDOG=1":
            pass
        assert word == b"STOPPING=1"
        # Standard error is JSON, line by line, and holds no secret.
        events = [json.loads(row)["event"] for row in errors.splitlines()]
        assert "ready" in events and events[-1] == "stopped"
        assert line["source"]["password"] not in errors


def test_a_second_start_neither_shows_the_token_nor_steps_back(tmp_path: Path) -> None:
    with serve(tmp_path) as (process, line):
        assert line["source"]["password"]
        before = json.loads(get(line["url"] + "/healthz"))["tick"]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    with serve(tmp_path) as (process, line):
        assert "source" not in line
        assert json.loads(get(line["url"] + "/healthz"))["tick"] > before


def test_mistakes_in_the_configuration_are_all_named(tmp_path: Path) -> None:
    (tmp_path / "loa.toml").write_text('prot = 1\n[log]\nlevel = "loud"\n')
    done = subprocess.run(
        command("serve", "--port", "99999"), cwd=tmp_path, env=environment(LOA_SOUND_BITRATE="x"),
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    for wanted in (
        "loa: loa.toml: prot: there is no such key; did you mean port?",
        "loa: loa.toml: log.level: must be 'debug'",
        "loa: --port: must be less than or equal to 65535",
        "loa: LOA_SOUND_BITRATE: must be a whole number",
    ):
        assert wanted in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            command("serve", "--port", str(port)), cwd=tmp_path, env=environment(),
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr and "Traceback" not in done.stderr


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("this is not PEM")
    done = subprocess.run(
        command("serve", "--port", "0", "--tls-cert", "cert.pem", "--tls-key", "cert.pem"),
        cwd=tmp_path, env=environment(),
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert "the certificate cert.pem" in done.stderr and "cannot listen" not in done.stderr
    assert "Traceback" not in done.stderr
