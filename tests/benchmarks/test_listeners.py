"""The load generator sees what is wrong with a stream, and nothing where nothing is."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load import Address, Clock, Floor, Listeners
from benchmarks.tap import Page, Tap, packet_sizes, page_size
from loa.codecs.ogg import make_page
from loa.codecs.opus import timeline_headers

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\n\r\n"
FIRST = 1_000_000


def page(last_tick: int, ticks: int = 2, sequence: int | None = None) -> bytes:
    packets = [bytes([0x48]) * (50 + tick % 7) for tick in range(ticks)]
    return make_page(
        b"".join(packets),
        [len(packet) for packet in packets],
        960 * (last_tick + 1),
        last_tick // ticks if sequence is None else sequence,
    )


@contextlib.contextmanager
def serving(*pieces: bytes) -> Iterator[Address]:
    """Answer every listener with these pieces, each sent by itself, and keep it connected."""
    server = socket.create_server(("127.0.0.1", 0))
    clients: list[socket.socket] = []

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                clients.append(client)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.recv(4096)
                for piece in pieces:
                    client.sendall(piece)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield Address("127.0.0.1", server.getsockname()[1], "/x.opus", Clock(FIRST, 0))
    finally:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for client in clients:
            client.close()


def collected(pages: list[bytes]) -> dict[str, Any]:
    """Serve a page and then these, in pieces, to one listener; the report on all of them."""
    server = socket.create_server(("127.0.0.1", 0))
    with server, Listeners(Address("127.0.0.1", server.getsockname()[1], "/x.opus")) as crowd:
        crowd.tell("open 1 1 10 0")
        client, _ = server.accept()
        with client:
            client.recv(4096)
            client.sendall(HEAD + timeline_headers() + page(FIRST + 1))
            assert crowd.answer(10)["hearing"] == 1
            whole = b"".join(pages)
            for at in range(0, len(whole), 100):  # never on a page's boundary
                client.sendall(whole[at : at + 100])
            report = crowd.ask("collect 0.3", 10)
    assert report["pages"] == len(pages) + 1
    return report


def counts(pages: list[bytes]) -> tuple[int, int, int, int]:
    """Return gaps, ticks missing in them, repeats and wrong numbers."""
    report = collected(pages)
    return report["gaps"], report["missing_ticks"], report["repeats"], report["sequence_errors"]


def test_a_good_stream_is_good_however_it_is_cut() -> None:
    assert counts([page(FIRST + tick) for tick in range(3, 101, 2)]) == (0, 0, 0, 0)


def test_gaps_repeats_and_numbers_are_seen() -> None:
    good = [page(FIRST + tick) for tick in range(3, 41, 2)]
    assert counts(good[:5] + good[8:]) == (1, 6, 0, 1)
    assert counts([*good[:5], good[4], *good[5:]])[2] == 1
    assert counts([*good[:5], page(FIRST + 13, sequence=7), *good[6:]]) == (0, 0, 0, 2)


def test_a_wrong_checksum_is_seen() -> None:
    broken = bytearray(page(FIRST + 3))
    broken[-1] ^= 1
    report = collected([bytes(broken)] * 40)
    assert report["crc_checked"] >= 2 and report["crc_wrong"] == report["crc_checked"] - 1


def test_garbage_and_refusals_end_a_listener() -> None:
    garbage = HEAD + timeline_headers() + page(FIRST + 1) + b"not Ogg" * 10
    with serving(garbage) as address, Listeners(address) as crowd:
        crowd.open(1, seconds=0.5)
        assert crowd.measure(0.1)["hearing"] == 0
    with serving(b"HTTP/1.1 503 Full\r\n\r\n") as address, Listeners(address) as crowd:
        assert crowd.open(1, in_flight=1, seconds=0.5)["refused"] > 0


@pytest.mark.parametrize("cadence", [2, 10])
def test_the_floor_is_a_good_stream(cadence: int, tmp_path: Path) -> None:
    sizes = tmp_path / "sizes"
    sizes.write_text("60 255 1 510 70")
    with Floor(cadence, sizes) as floor, Listeners(floor.address) as crowd:
        crowd.open_all(50)
        report = crowd.measure(1)
    assert report["pages"] >= 50 * (40 // cadence)
    assert (report["gaps"], report["repeats"], report["crc_wrong"], report["lost"]) == (0, 0, 0, 0)


def test_the_tap_gives_pages_and_packet_sizes(tmp_path: Path) -> None:
    pages = [page(FIRST + tick) for tick in range(1, 21, 2)]
    with serving(HEAD + timeline_headers(), *pages) as address:
        with Tap(address) as tap:
            found = list(itertools.islice(tap.pages(), 12))
        assert [one.granule == 0 for one in found] == [True, True] + [False] * 10
        assert found[2].last_tick == FIRST + 1
        assert [len(packet) for packet in found[2].packets] == [50, 51]
        mean = packet_sizes(address, 10, tmp_path / "sizes")
    assert mean == 50.5


def test_page_size_waits_for_the_whole_page_and_refuses_other_bytes() -> None:
    whole = page(FIRST, 10)
    assert [page_size(whole[:n]) for n in range(len(whole))] == [0] * len(whole)
    assert page_size(whole + b"rest") == len(whole)
    with pytest.raises(ValueError, match="not an Ogg page"):
        page_size(b"x" * 27)
    long = make_page(bytes(510), [510], 960, 2)
    assert [len(packet) for packet in Page(long, 0.0).packets] == [510]
