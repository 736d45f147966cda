"""What a receiver says of itself."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from loa.receivers.listen.client import Link, LinkState
from loa.receivers.listen.hearing import Hearing
from loa.receivers.listen.report import Meter, live_line, make_report
from support.mount import START, stream


def test_levels() -> None:
    meter = Meter()
    assert meter.take() == (None, None)
    meter.add(np.zeros(960, np.float32))
    assert meter.take() == (None, None)
    meter.add(np.full(960, 0.5, np.float32))
    meter.add(np.zeros(960, np.float32))
    assert meter.take() == (-6.0, -9.0)
    assert meter.take() == (None, None)


def test_states_and_the_line() -> None:
    hearing = Hearing()
    link = LinkState()
    report = make_report("http://x/y.opus", 1.0, hearing.heard(), link, (None, None), 0)
    assert report.state == "connecting" and report.tick is None
    hearing.joined()
    hearing.feed(stream(START, START + 10), 0.0)
    link = LinkState(Link.CONNECTED)
    report = make_report("http://x/y.opus", 1.0, hearing.heard(), link, (-6.0, -9.0), 0)
    assert report.state == "buffering" and report.tick == START + 9
    link = LinkState(Link.WAITING, "the connection ended", 3)
    report = make_report("http://x/y.opus", 1.0, hearing.heard(), link, (-6.0, -9.0), 0)
    assert report.state == "reconnecting"
    line = live_line(report).plain
    for word in ("reconnecting", str(START + 9), "-9 dB", "reconnects 3", "the connection ended"):
        assert word in line
    assert "-∞" in live_line(replace(report, level_db=None, tick=None, error=None)).plain
    assert json.loads(json.dumps(report.as_dict()))["reconnects"] == 3
