import threading

from loa.streamer.counters import Counters


def test_counts_of_many_threads_add_up() -> None:
    counters = Counters()

    def work() -> None:
        for _ in range(1000):
            counters.add("a")
            counters.add("b", 2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.snapshot() == {"a": 4000, "b": 8000}


def test_a_snapshot_is_a_copy() -> None:
    counters = Counters()
    counters.snapshot()["x"] = 1
    assert counters.snapshot() == {}
