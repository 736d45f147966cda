"""What a simulated box tells of itself."""

from __future__ import annotations

from loa.codecs.control.vitals import compose, read
from loa.receivers.fleet.box import made_up
from loa.receivers.vitals import THRESHOLDS


def test_what_it_tells_says_that_it_is_made_up_and_alarms_nobody() -> None:
    for number in (0, 7, 1999):
        told = made_up(number, True, 12)
        values = {name: value for name, value in told.items() if not isinstance(value, str)}
        texts = {name: value for name, value in told.items() if isinstance(value, str)}
        told_values, told_texts, unknown = read(compose(0.0, values, texts))
        assert told_texts == {"network": "simulated", "operator": "simulated"} and not unknown
        assert told_values == values and values["on_air"] == 1 and values["journal_waiting"] == 12
        assert not any(t.judge(values[t.name], False) for t in THRESHOLDS if t.name in values)
