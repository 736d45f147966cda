"""A mount's bytes, made in the test: a tone by tick, in pages of any cadence."""

from __future__ import annotations

import functools

from loa.codecs.ogg import EOS, make_page
from loa.codecs.opus import timeline_headers
from support.audio import opus_packets, tone

START = 3_000_000_000
HERTZ = 1000.0
"""20 ms hold 20 whole periods, so that any tick may follow any other without a step."""
LEVEL = 0.3


@functools.cache
def _packets() -> tuple[bytes, ...]:
    # The first ones, in which the encoder settles, are left out.
    return tuple(opus_packets(tone(3.0, HERTZ, LEVEL))[50:100])


def packet(tick: int) -> bytes:
    """Return the packet that the mount carries in a tick."""
    return _packets()[tick % 50]


def page(first: int, after: int, *, flags: int = 0) -> bytes:
    """Return the page of ticks ``first`` to ``after`` - 1."""
    some = [packet(tick) for tick in range(first, after)]
    size = max(1, after - first)
    return make_page(
        b"".join(some), [len(p) for p in some], 960 * after, (after - 1) // size, flags=flags
    )


def pages(first: int, after: int, cadence: int = 2, *, end: bool = False) -> list[bytes]:
    """Return the pages of a span of ticks, a short one up to the cadence's boundary first."""
    found = []
    while first < after:
        to = min(after, first + cadence - first % cadence)
        found.append(page(first, to, flags=EOS if end and to == after else 0))
        first = to
    return found


def stream(first: int, after: int, cadence: int = 2) -> bytes:
    """Return what a listener's connection would deliver."""
    return timeline_headers() + b"".join(pages(first, after, cadence))
