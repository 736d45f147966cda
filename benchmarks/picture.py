"""The picture: every bounded row as a bar towards its bound, written as SVG by hand.

A bar's length is value ÷ bound (for "at least" rows bound ÷ value), so that all bars read alike:
short is good, and whatever reaches the line at 100 % has missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.rows import Outcome, Verdict, bound_words, number

WIDTH, LABEL, BAR, LINE = 1060, 440, 380, 22
FULL = 1.25
"""The share of the bound that a bar of the full length shows; longer ones are cut there."""
COLOURS = {"held": "#3b7a57", "missed": "#b3261e"}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}"
    ".h{font-weight:600}.v{fill:#555}.t{font-size:12px;fill:#777}"
)


def share(verdict: Verdict) -> float:
    """Return how much of its bound a row has used: 1 is the bound itself.

    A bound of 0 (nothing may be late) is used up by anything at all.
    """
    row = verdict.row
    if row.value is None or row.bound is None:
        raise ValueError("only rows with a value and a bound have a share")
    if row.at_least:
        return row.bound / row.value if row.value > 0 else FULL
    if row.bound == 0:
        return 0.0 if row.value == 0 else FULL
    return max(0.0, row.value / row.bound)


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )


def _bar(verdict: Verdict, y: float) -> list[str]:
    row = verdict.row
    assert row.value is not None
    length = max(2.0, min(share(verdict), FULL) / FULL * BAR)
    return [
        _text(LABEL - 10, y + 15, row.what, anchor="end"),
        f'<rect x="{LABEL}" y="{y + 4:.0f}" width="{length:.1f}" height="14" rx="2" '
        f'fill="{COLOURS[verdict.state]}"/>',
        _text(LABEL + BAR + 12, y + 15, f"{number(row.value, row.unit)}   {bound_words(row)}", "v"),
    ]


def svg(outcomes: Sequence[Outcome], title: str) -> str:
    """Return the whole picture; rows without a value or a bound are left to the table."""
    body: list[str] = [_text(16, 28, title, "h")]
    y = 44.0
    for outcome in outcomes:
        bars = [v for v in outcome.verdicts if v.state in COLOURS]
        if not bars:
            continue
        y += 10
        body.append(_text(16, y + 15, outcome.name, "h"))
        y += LINE
        for verdict in bars:
            body += _bar(verdict, y)
            y += LINE
    line = LABEL + BAR / FULL
    body.append(
        f'<line x1="{line:.0f}" y1="48" x2="{line:.0f}" y2="{y:.0f}" stroke="#b3261e" '
        'stroke-dasharray="4 3"/>'
    )
    body.append(_text(line, y + 16, "bound", "t", "middle"))
    height = y + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}"><style>{STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(body)}</svg>\n'
    )
