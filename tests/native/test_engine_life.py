"""How listeners and the engine end: last pages, descriptors, limits, and the events that tell."""

from __future__ import annotations

import errno
import os
import resource
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from loa.native.engine import Engine, EventKind, Leave
from loa.native.error import NativeError
from support.timeline import EOS, Page, Stream, tagged_clip

START = 45_000_000_000
PREFIX = b"HTTP/1.1 200 OK\r\n\r\nheaders"
EINVAL, EFULL, EGONE = -1, -3, -4


@pytest.fixture(autouse=True)
def no_descriptor_is_left() -> Iterator[None]:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


def tcp_pair(
    send_buffer: int | None = None, receive_buffer: int | None = None
) -> tuple[socket.socket, socket.socket]:
    """Return the server's and the client's end of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.socket()
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect(server.getsockname())
        ours, _ = server.accept()
    if send_buffer:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ours.setblocking(False)
    return ours, client


def join(engine: Engine, sock: socket.socket, mount: int = 0, **how: int) -> int:
    """Hand over the server's end."""
    wanted = {"cadence": 10, "burst_ticks": 0, "max_lag_ticks": 100} | how
    drop = bool(wanted.pop("drop", 0))
    number = engine.join(mount, sock.fileno(), PREFIX, drop=drop, **wanted)  # type: ignore[arg-type]
    sock.detach()
    return number


def virtual(**how: int) -> Engine:
    engine = Engine(START, virtual=True, phase_listeners=1, **how)  # type: ignore[arg-type]
    engine.open_mount()
    return engine


def read_to_end(client: socket.socket) -> list[Page]:
    """Read all there is, which must end cleanly."""
    client.setblocking(True)
    client.settimeout(20)
    data = b""
    while piece := client.recv(65536):
        data += piece
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        stream = Stream(theirs, PREFIX)
        pages = []
        for at in range(0, len(data), 4096):
            ours.sendall(data[at : at + 4096])
            pages += stream.read()
        assert not stream.rest
    client.close()
    return pages


def assert_ends(pages: list[Page], final: int) -> None:
    assert pages[-1].flags == EOS and pages[-1].last == final
    assert all(page.flags == 0 for page in pages[:-1])


@pytest.mark.parametrize("ticks", [0, 1, 9, 10, 33])
@pytest.mark.parametrize("cadence", [2, 10])
def test_everyone_gets_a_last_page(cadence: int, ticks: int) -> None:
    with virtual() as engine:
        pairs = [tcp_pair() for _ in range(cadence + 3)]
        for ours, _ in pairs:
            join(engine, ours, cadence=cadence)
        engine.advance(ticks)
        engine.stop(1000)
        for _, client in pairs:
            assert_ends(read_to_end(client), START + ticks)
        left = [event for event in engine.events() if event.kind is EventKind.LEFT]
        assert {event.value for event in left} == {Leave.STOP} and len(left) == len(pairs)


def test_unread_input_does_not_turn_the_end_into_a_reset() -> None:
    with virtual() as engine:
        ours, client = tcp_pair()
        client.sendall(bytes(50_000))
        join(engine, ours)
        engine.advance(25)
        client.sendall(b"more that nobody reads")
        engine.stop(1000)
        assert_ends(read_to_end(client), START + 25)


def test_a_peer_that_never_stops_sending_does_not_hold_up_the_stop() -> None:
    with virtual() as engine:
        ours, client = tcp_pair()
        join(engine, ours)
        engine.advance(1)
        going = threading.Event()

        def flood() -> None:
            going.set()
            try:
                while True:
                    client.sendall(bytes(1 << 20))
            except OSError:
                pass

        thread = threading.Thread(target=flood)
        thread.start()
        going.wait()
        engine.stop(1000)
        thread.join(20)
        assert not thread.is_alive()
        client.close()


def test_who_lags_gets_the_last_page_within_the_drain() -> None:
    with virtual() as engine:
        clip = tagged_clip(3, 3000)
        engine.carry([0], engine.open_clip(clip, START), START)
        pairs = [tcp_pair(4096, 4096) for _ in range(3)]
        for ours, _ in pairs:
            join(engine, ours, max_lag_ticks=5000)
        engine.advance(1400)
        assert engine.stats()["partial_sends"] >= 1
        stopping = threading.Thread(target=engine.stop, args=(20_000,))
        stopping.start()
        readers = []
        got: list[list[Page]] = []
        for _, client in pairs:
            readers.append(threading.Thread(target=lambda c=client: got.append(read_to_end(c))))
            readers[-1].start()
        for thread in [*readers, stopping]:
            thread.join()
        assert len(got) == 3
        for pages in got:
            assert_ends(pages, START + 1400)
            # It lagged within its limit: nothing was skipped.
            assert all(a.last + 1 == b.first for a, b in pairwise(pages))


def test_who_never_reads_is_closed_when_the_drain_is_over() -> None:
    with virtual() as engine:
        clip = tagged_clip(3, 3000)
        engine.carry([0], engine.open_clip(clip, START), START)
        ours, client = tcp_pair(4096, 4096)
        number = join(engine, ours, max_lag_ticks=5000)
        engine.advance(1400)
        engine.stop(50)
        (left,) = [event for event in engine.events() if event.kind is EventKind.LEFT]
        assert (left.id, left.value) == (number, Leave.STOP)
        client.close()


def test_stop_is_idempotent_and_nobody_joins_after_it() -> None:
    for with_clock in (False, True):
        with Engine(START, virtual=with_clock) as engine:
            engine.open_mount()
            engine.stop(100)
            engine.stop(100)
            ours, client = socket.socketpair()
            with ours, client:
                with pytest.raises(NativeError) as refused:
                    join(engine, ours)
                assert refused.value.code == EGONE
                ours.send(b"still mine")
            assert engine.stats()["listeners"] == 0


@pytest.mark.parametrize("is_virtual", [True, False])
def test_destroy_without_stop_closes_everything(is_virtual: bool) -> None:
    engine = Engine(START, virtual=is_virtual)
    engine.open_mount()
    clients = []
    for _ in range(5):
        ours, client = socket.socketpair()
        join(engine, ours)
        clients.append(client)
    engine.close()
    for client in clients:
        client.settimeout(5)
        while client.recv(65536):
            pass
        client.close()


def test_joins_that_race_with_the_stop_are_served_or_refused() -> None:
    for _ in range(20):
        with Engine(START, fanouts=2, workers=0) as engine:
            engine.open_mount()
            taken: list[socket.socket] = []
            refused = []

            def keep_joining(
                engine: Engine = engine,
                taken: list[socket.socket] = taken,
                refused: list[int] = refused,
            ) -> None:
                while not refused:
                    ours, client = socket.socketpair()
                    try:
                        join(engine, ours)
                        taken.append(client)
                    except NativeError as error:
                        refused.append(error.code)
                        ours.close()
                        client.close()

            thread = threading.Thread(target=keep_joining)
            thread.start()
            while not taken:
                time.sleep(0.001)
            engine.stop(2000)
            thread.join()
            assert refused == [EGONE]
            stats = engine.stats()
            assert stats["listeners"] == 0
            assert stats["leaves_stop"] == len(taken)
            for client in taken:
                client.settimeout(5)  # every one is closed already, before the engine is
                while client.recv(65536):
                    pass
                client.close()


def test_a_refused_join_leaves_the_descriptor_to_the_caller() -> None:
    with virtual(max_listeners=2) as engine:
        ours, client = socket.socketpair()
        with ours, client:
            for wrong in (
                {"cadence": 1}, {"cadence": 50}, {"burst_ticks": -1}, {"burst_ticks": 6001},
                {"max_lag_ticks": 9}, {"mount": 1}, {"mount": -1},
            ):  # fmt: skip
                with pytest.raises(NativeError) as refused:
                    join(engine, ours, **wrong)
                assert refused.value.code == EINVAL
            with pytest.raises(NativeError):
                engine.join(0, -1, b"", cadence=2, burst_ticks=0, max_lag_ticks=10)
            with pytest.raises(NativeError):
                engine.join(
                    0, ours.fileno(), bytes(65537), cadence=2, burst_ticks=0, max_lag_ticks=10
                )
            clients = []
            for _ in range(2):
                mine, theirs = socket.socketpair()
                join(engine, mine)
                clients.append(theirs)
            with pytest.raises(NativeError) as refused:
                join(engine, ours)
            assert refused.value.code == EFULL
            clients.pop().close()
            engine.advance(11)
            engine.advance(10)
            join(engine, ours)  # there is room again
            engine.advance(1)
            assert engine.stats()["listeners"] == 2
        for each in clients:
            each.close()


def test_a_descriptor_that_is_no_socket_disturbs_nobody() -> None:
    with virtual() as engine:
        ours, client = socket.socketpair()
        join(engine, ours)
        number = engine.join(
            0, os.open("/dev/null", os.O_WRONLY), PREFIX,
            cadence=2, burst_ticks=0, max_lag_ticks=10,
        )  # fmt: skip
        engine.advance(20)
        (left,) = engine.events()
        assert (left.id, left.value) == (number, Leave.PEER)
        engine.stop(100)
        assert_ends(read_to_end(client), START + 20)


def test_lag_is_seen_in_the_kernels_queue_on_a_silent_mount() -> None:
    """Silence is a tenth of speech: counted in bytes, a large buffer would hide its lag."""
    with virtual() as engine:
        slow, slow_client = tcp_pair(200_000, receive_buffer=1)
        well, well_client = tcp_pair(200_000, receive_buffer=1)
        lags = join(engine, slow, max_lag_ticks=250, drop=1)
        join(engine, well, max_lag_ticks=250, drop=1)
        left = []
        for _ in range(200):
            engine.advance(10)
            well_client.recv(65536)
            left += [event for event in engine.events() if event.kind is EventKind.LEFT]
        assert [(event.id, event.value) for event in left] == [(lags, Leave.LAG)]
        assert engine.stats()["partial_sends"] == 0
        slow_client.close()
        well_client.close()


def test_ten_thousand_leave_at_once() -> None:
    many = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with virtual(max_listeners=many, fanouts=2) as engine:
            ours, client = socket.socketpair()
            with ours:
                for _ in range(many):
                    descriptor = os.dup(ours.fileno())
                    engine.join(0, descriptor, b"", cadence=10, burst_ticks=0, max_lag_ticks=1000)
            engine.advance(many // 2 // 256 + 1)
            assert engine.stats()["joins"] == many
            client.close()
            engine.advance(20)
            stats = engine.stats()
            assert stats["leaves_peer"] == many
            assert stats["listeners"] == stats["events_dropped"] == 0
            seen: Counter[int] = Counter()
            poll = select.poll()
            poll.register(engine.event_fd, select.POLLIN)
            while poll.poll(0):
                seen.update(event.id for event in engine.events())
            assert len(seen) == many and set(seen.values()) == {1}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_events_that_nobody_reads_are_counted_and_the_next_ones_come() -> None:
    with virtual(max_mounts=1) as engine:
        for _ in range(40_000):
            engine.carry([0], 0, 0)
            engine.advance(1)
        dropped = engine.stats()["events_dropped"]
        assert 0 < dropped == 40_000 - 32_768
        ticks: list[int] = []
        while batch := engine.events():
            ticks += [event.tick for event in batch]
        assert ticks == list(range(START, START + 32_768))
        engine.carry([0], 0, 0)
        engine.advance(1)
        assert [event.tick for event in engine.events()] == [START + 40_000]
        assert engine.stats()["events_dropped"] == dropped


def test_no_wake_up_is_lost() -> None:
    """The descriptor is readable whenever events wait, read in however many goes."""
    with virtual() as engine:
        poll = select.poll()
        poll.register(engine.event_fd, select.POLLIN)
        assert not poll.poll(0)
        for count in (1, 2, 1023, 1024, 1025, 2048, 5000):
            for _ in range(count):
                engine.carry([0], 0, 0)
                engine.advance(1)
            taken = 0
            while poll.poll(0):
                taken += len(engine.events())
            assert taken == count
            assert engine.events() == []


def test_a_waiting_reader_hears_of_every_event() -> None:
    """With a real clock: a reader that only sleeps on the descriptor never waits in vain."""
    with Engine(START, fanouts=2, workers=0) as engine:
        engine.open_mount()
        poll = select.poll()
        poll.register(engine.event_fd, select.POLLIN)
        for _ in range(60):
            ours, client = socket.socketpair()
            number = join(engine, ours, cadence=2)
            client.close()
            seen: list[int] = []
            while number not in seen:
                assert poll.poll(20_000), "a wake-up was lost"
                seen += [event.id for event in engine.events()]


def test_a_short_last_page_has_the_sequence_of_the_page_in_whose_place_it_stands() -> None:
    with virtual(fanouts=1) as engine:
        engine.advance(4)
        clients = []
        for _ in range(10):  # one in each phase, all with the same one tick left
            ours, client = socket.socketpair()
            join(engine, ours, from_tick=START + 5)
            clients.append(client)
        engine.advance(1)
        engine.stop(1000)
        sequences: Counter[int] = Counter()
        for client in clients:
            (page,) = read_to_end(client)
            assert (page.first, page.last, page.flags) == (START + 5, START + 5, EOS)
            sequences[page.sequence] += 1
        # Full pages would have ended with ticks 5 to 9, or 10 to 14.
        first = START // 10 % 2**32
        assert sequences == {first: 5, first + 1: 5}


def test_an_engine_that_cannot_be_had_says_why() -> None:
    for wrong in ({"fanouts": 0}, {"kept_ticks": 5}, {"max_mounts": 0}, {"workers": -1}):
        with pytest.raises(OSError) as refused:
            Engine(START, virtual=True, **wrong)  # type: ignore[arg-type]
        assert refused.value.errno == errno.EINVAL
    with pytest.raises(OSError):
        Engine(-1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = os.open("/dev/null", os.O_RDONLY)
    os.close(spare)  # the lowest that is free
    resource.setrlimit(resource.RLIMIT_NOFILE, (spare, hard))
    try:
        with pytest.raises(OSError) as refused:
            Engine(START)
        assert refused.value.errno == errno.EMFILE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_phase_is_filled_before_the_next_is_begun():
    """Of 45 listeners in phases of 10, at most 10 are sent to at a tick, in five ticks of ten."""
    with Engine(START, virtual=True, fanouts=1, phase_listeners=10) as engine:
        mount = engine.open_mount()
        pairs = [socket.socketpair() for _ in range(45)]
        for ours, theirs in pairs:
            theirs.setblocking(False)
            engine.join(
                mount, os.dup(theirs.fileno()), b"", cadence=10, burst_ticks=0, max_lag_ticks=500
            )
            theirs.close()
            ours.setblocking(False)
        engine.advance(20)
        for ours, _ in pairs:
            ours.recv(1 << 16)
        sent = []
        for _ in range(10):
            before = engine.stats()["pages_sent"]
            engine.advance(1)
            sent.append(engine.stats()["pages_sent"] - before)
        for ours, _ in pairs:
            ours.close()
    assert sum(sent) == 45
    assert sum(n > 0 for n in sent) == 5
    assert max(sent) <= 10
