"""Packets by tick, against a plain dict."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers.buffer import Buffer

steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 60), st.integers(1, 12)),
        st.tuples(st.just("take"), st.integers(0, 60), st.integers(1, 12)),
        st.tuples(st.just("keep"), st.integers(0, 60), st.integers(0, 40)),
    ),
    max_size=40,
)


@given(steps)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_it_is_what_a_dict_is(done: list[tuple[str, int, int]]) -> None:
    buffer, plain = Buffer(most=50), dict[int, bytes]()
    refused = repeated = 0
    for kind, tick, count in done:
        if kind == "put":
            packets = [b"%d" % t for t in range(tick, tick + count)]
            new = 0
            for at, packet in enumerate(packets, tick):
                if at in plain:
                    repeated += 1
                elif len(plain) >= 50:
                    refused += 1
                else:
                    plain[at] = packet
                    new += 1
            assert buffer.put(tick, packets) == new
        elif kind == "take":
            count = min(count, buffer.ahead(tick))
            if count:
                assert buffer.take(tick, count) == [plain.pop(tick + i) for i in range(count)]
        else:
            after = None if count == 40 else tick + count
            gone = [t for t in plain if t < tick or (after is not None and t >= after)]
            assert buffer.keep([(tick, after)]) == len(gone)
            for t in gone:
                del plain[t]
        assert len(buffer) == len(plain)
        for t in range(0, 75, 3):
            assert buffer.next(t) == min((x for x in plain if x >= t), default=None)
            ahead = 0
            while t + ahead in plain:
                ahead += 1
            assert buffer.ahead(t) == ahead
    assert (buffer.refused, buffer.repeated) == (refused, repeated)
