"""What goes wrong in the field, against a real server.

Whoever errs is told and counted, nobody else notices, and nothing leaks.
"""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from support.audio import ogg_opus, tone
from support.process import LOA, Listener, ServerProcess, granules, put_head, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def continuous(stream: bytes) -> bool:
    """Whether every page follows the one before, by granules of whole pages of 200 ms."""
    found = granules(stream)
    return len(found) > 1 and all(b - a == 9600 for a, b in pairwise(found))


def test_a_graceful_stop_ends_the_stream_and_the_source(folder: Path):
    with serving(folder) as server:
        listener = server.listen()
        source = server.connect()
        source.sendall(put_head(server.password))
        assert b" 200 " in source.recv(1000)
        source.sendall(ogg_opus(tone(1.0), eos=False))
        listener.read(2000)
        assert server.stop() == 0
        stream = listener.read_to_end()
        last = stream.rfind(b"OggS")
        assert stream[last + 5] & 4, "an EOS page"
        source.settimeout(5)
        assert source.recv(1000) == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_ticks_never_go_back_over_a_restart(folder: Path, number: signal.Signals):
    server = ServerProcess(folder)
    listener = server.listen()
    first = granules(listener.read(400))
    server.stop(number)
    server.hang_up()
    with serving(folder) as again:
        assert "source" not in again.ready, "the token is shown once"
        assert granules(again.listen().read(400))[0] > first[-1]


def test_a_second_source_is_refused_and_the_first_goes_on(folder: Path):
    with serving(folder) as server, server.connect() as first, server.connect() as second:
        audio = ogg_opus(tone(3.0), eos=False)
        first.sendall(put_head(server.password))
        assert b" 200 " in first.recv(1000)
        first.sendall(audio[: len(audio) // 2])
        server.wait_for('loa_sources{kind="opus"}', 1)
        second.sendall(put_head(server.password))
        assert b" 403 " in second.recv(1000)
        first.sendall(audio[len(audio) // 2 :])
        assert server.metric('loa_sources{kind="opus"}') == 1


def test_a_listener_that_never_reads_is_dropped_and_the_others_hear_everything(folder: Path):
    config = '[listeners]\nlag_seconds = 1\nlag_policy = "drop"\n'
    with serving(folder, config) as server:
        listener = server.listen()
        deaf = server.connect(receive_buffer=1)
        deaf.sendall(b"GET /xa-mau.opus?burst=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        source = server.connect()
        source.sendall(put_head(server.password))
        source.recv(1000)
        source.settimeout(60)
        source.sendall(ogg_opus(tone(20.0), eos=False))
        server.wait_for('loa_engine_leaves_total{reason="lag"}', 1, 40)
        assert continuous(listener.read(len(listener.bytes) + 1000))
        assert server.metric("loa_listeners") == 1


def test_descriptors_that_run_out_cost_new_listeners_only(folder: Path):
    with serving(folder) as server:
        listener = server.listen()
        pid = server.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (server.descriptors + 6, limits[1]))
        crowd = [server.connect() for _ in range(30)]
        for one in crowd:
            one.sendall(b"GET /xa-mau.opus HTTP/1.1\r\nHost: x\r\n\r\n")
        listener.read(len(listener.bytes) + 500)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        for one in crowd:
            one.close()
        late = server.listen()
        assert late.status == 200
        late.read(1000)
        listener.read(len(listener.bytes) + 500)
        assert continuous(listener.bytes)


def test_a_full_disk_takes_nobody_off_the_air(folder: Path):
    with serving(folder) as server:
        listener = server.listen()
        # Every write to a file fails from now on; its log is told apart by being there already.
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, 0))
        server.wait_for("loa_state_write_failed_total", 1, 30)
        listener.read(len(listener.bytes) + 500)
        assert continuous(listener.bytes)


def test_a_crowd_that_leaves_at_once_leaves_nothing_behind(folder: Path):
    with serving(folder) as server:
        steady = server.listen()
        before = server.descriptors
        crowd: list[Listener] = [server.listen() for _ in range(500)]
        assert server.metric("loa_listeners") == 501
        for one in crowd:
            one.close()
        server.wait_for('loa_engine_leaves_total{reason="peer"}', 500)
        assert server.metric("loa_listeners") == 1
        # A crowd that leaked would leave hundreds; the store may have opened connections meanwhile.
        assert server.descriptors <= before + 10
        assert continuous(steady.read(len(steady.bytes) + 500))


def test_open_ports_are_no_default(folder: Path):
    with serving(folder) as server, server.connect() as source:
        source.sendall(put_head("hackme"))
        assert b" 401 " in source.recv(1000)
        assert server.metric('loa_sources{kind="opus"}') == 0


def test_misconfiguration_is_named_and_ends_with_2(folder: Path):
    (folder / "loa.toml").write_text('prot = 8000\n[[areas]]\nname = "★"\n')
    done = subprocess.run(
        [*LOA, "serve", "--config", str(folder / "loa.toml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "did you mean port" in done.stderr


def test_a_port_that_is_taken_is_said(folder: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*LOA, "serve", "--data", str(folder / "data"), "--port", str(port)],
            capture_output=True, text=True, check=False, cwd=folder,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
