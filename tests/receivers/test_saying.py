"""When a box tells that something sounds."""

from __future__ import annotations

import math

from loa.receivers.saying import LEAST, MOST, Saying


def test_the_first_ping_of_a_session_says_it_and_later_ones_nothing_new() -> None:
    saying = Saying()
    assert not saying.due(True, 0.0), "the first ping leaves by itself"
    assert saying.word(True) is True
    saying.said(True)
    assert saying.word(True) is None
    assert not saying.due(True, 1.0) and math.isinf(saying.at)


def test_a_change_is_told_when_it_lasts() -> None:
    saying = Saying()
    saying.said(False)
    assert not saying.due(True, 10.0)
    assert LEAST <= saying.at - 10.0 <= MOST
    assert saying.due(True, saying.at)
    assert saying.word(True) is True
    assert not saying.due(False, saying.at), "it was over before it was told"
    assert math.isinf(saying.at)


def test_nobody_measures_it() -> None:
    saying = Saying()
    saying.said(None)
    assert saying.word(None) is None and not saying.due(None, 5.0)
