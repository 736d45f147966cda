"""An engine in a process of its own, which a test stops and lets go on (test_engine_clock.py).

Arguments: the start tick, then descriptors of listeners; the second one is to be dropped when it
lags. Says when its clip starts; at the end of standard input stops and says what it counted.
"""

from __future__ import annotations

import json
import sys

from loa.native.engine import Engine, EventKind
from support.timeline import tagged_clip

with Engine(int(sys.argv[1]), fanouts=1, workers=0) as engine:
    mount = engine.open_mount()
    start = engine.tick + 10
    handle = engine.open_clip(tagged_clip(0, 1000), start)
    assert engine.carry([mount], handle, start) == start
    for which, descriptor in enumerate(sys.argv[2:]):
        engine.join(
            mount, int(descriptor), b"",
            cadence=2, burst_ticks=0, max_lag_ticks=25, drop=which == 1,
        )  # fmt: skip
    print(start, flush=True)
    sys.stdin.readline()
    engine.stop(2000)
    skipped = [event.value for event in engine.events() if event.kind is EventKind.SKIPPED]
    print(json.dumps({"stats": engine.stats(), "skipped": skipped}))
