import random
import threading

import pytest

from loa.streamer.ingest.pipe import BytePipe, PipeAborted


def test_bytes_come_out_in_order_through_a_thread() -> None:
    chance = random.Random(1)
    sent = chance.randbytes(500_000)
    room = threading.Event()
    pipe = BytePipe(10_000, room.set)
    got: list[bytes] = []
    most = 0

    def reader() -> None:
        sizes = random.Random(2)
        while data := pipe.read(sizes.randrange(1, 5000)):
            got.append(data)

    thread = threading.Thread(target=reader)
    thread.start()
    at = 0
    while at < len(sent):
        piece = sent[at : at + chance.randrange(1, 3000)]
        at += len(piece)
        room.clear()
        if not pipe.feed(piece):
            assert room.wait(10)
        most = max(most, pipe.held)
    pipe.close()
    thread.join(10)
    assert not thread.is_alive()
    assert b"".join(got) == sent
    assert most < 13_000


def test_the_end_comes_after_what_is_held() -> None:
    pipe = BytePipe(10, lambda: None)
    pipe.feed(b"abc")
    pipe.close()
    pipe.feed(b"late")
    assert pipe.read(2) == b"ab"
    assert pipe.read() == b"c"
    assert pipe.read() == b""


def test_abort_wakes_a_waiting_reader() -> None:
    pipe = BytePipe(10, lambda: None)
    ended = threading.Event()

    def reader() -> None:
        with pytest.raises(PipeAborted):
            pipe.read(5)
        ended.set()

    thread = threading.Thread(target=reader)
    thread.start()
    pipe.abort()
    thread.join(10)
    assert ended.is_set()
    assert pipe.feed(b"x") and pipe.held == 0


def test_space_is_told_once_for_each_pause() -> None:
    calls: list[int] = []
    pipe = BytePipe(4, lambda: calls.append(1))
    assert pipe.feed(b"abc")
    assert not pipe.feed(b"def")
    pipe.read(1)
    assert calls == []
    pipe.read()
    assert pipe.held == 3 and calls == []
    pipe.read(1)
    assert calls == [1]
    pipe.read()
    assert calls == [1]
