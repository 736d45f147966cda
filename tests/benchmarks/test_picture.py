"""The picture is well-formed, shows bounded rows alone, and bars read alike."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from benchmarks.picture import FULL, share, svg
from benchmarks.rows import Outcome, Row, Verdict


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row("a", 10, "ms", 20), 0.5),
        (Row("a", 4, "×", 2, at_least=True), 0.5),
        (Row("a", 0, "pages", 0), 0.0),
        (Row("a", 3, "pages", 0), FULL),
        (Row("a", 0, "×", 2, at_least=True), FULL),
    ],
)
def test_share_of_the_bound(row: Row, expected: float) -> None:
    assert share(Verdict(row, 1)) == expected


def test_the_picture_is_xml_with_a_bar_for_each_judged_row() -> None:
    rows = [Row("p99 <&>", 10, "ms", 20), Row("miss", 9, "", 1), Row("shown", 9.0), Row("no", None)]
    drawn = svg([Outcome("fan-out", [Verdict(row, 1) for row in rows]), Outcome("none")], "title")
    tree = ElementTree.fromstring(drawn)
    bars = [e for e in tree.iter("{http://www.w3.org/2000/svg}rect") if e.get("rx")]
    assert [bar.get("fill") for bar in bars] == ["#3b7a57", "#b3261e"]
    assert "shown" not in drawn
    assert "p99 &lt;&amp;&gt;" in drawn
