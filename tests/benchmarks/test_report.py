"""What is written about a run: table, JSON, and the figures in a page of the documentation."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import report
from benchmarks.rows import Outcome, Row, Verdict

OUTCOMES = [
    Outcome("one", [Verdict(Row("p99", 12.5, "ms", 20, slack=0.5, note="calm"), 2)]),
    Outcome("two", skipped="icecast2 is not installed"),
    Outcome("three", failed="RuntimeError: no"),
]
ABOUT = {
    "began": "2026-01-02T03:04:05+00:00",
    "cores": 2,
    "cpu": "a CPU",
    "kernel": "6.1",
    "python": "3.11",
    "load_at_end": 0.5,
    "quick": False,
}


def test_the_table_says_what_was_skipped_and_what_failed() -> None:
    out = io.StringIO()
    report.table(OUTCOMES, Console(file=out, width=200))
    text = out.getvalue()
    for words in ("12.5 ms", "≤ 20 ms (+0.50)", "held", "calm", "icecast2 is not", "RuntimeError"):
        assert words in text


def test_a_run_is_saved_whole(tmp_path: Path) -> None:
    report.save(OUTCOMES, ABOUT, tmp_path / "a" / "run.json")
    saved = json.loads((tmp_path / "a" / "run.json").read_text())
    assert saved["cores"] == 2
    assert [section["name"] for section in saved["sections"]] == ["one", "two", "three"]
    row = saved["sections"][0]["rows"][0]
    assert (row["what"], row["value"], row["state"], row["tries"]) == ("p99", 12.5, "held", 2)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["run.json"]


def test_figures_replace_those_that_a_page_has() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    once = report.with_figures(page, OUTCOMES, ABOUT)
    assert "old" not in once and "| p99 | 12.5 ms | ≤ 20 ms (+0.50) | held, try 2; calm |" in once
    assert once.startswith("before\n") and once.endswith("\nafter\n")
    assert report.with_figures(once, OUTCOMES, ABOUT) == once
    with pytest.raises(ValueError, match="no place"):
        report.with_figures("nothing", OUTCOMES, ABOUT)


def test_a_section_takes_its_own_place_and_leaves_the_others() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    whole = report.with_figures(page, OUTCOMES, ABOUT)
    same = report.with_sections(whole, OUTCOMES[:1], ABOUT)
    assert f"*{OUTCOMES[0].name}*: a run of its own" in same
    assert [line for line in same.splitlines() if line.startswith("|")] == [
        line for line in whole.splitlines() if line.startswith("|")
    ]
    assert report.with_sections(same, OUTCOMES[:1], ABOUT) == same
    added = report.with_sections(whole, [Outcome("new", failed="why")], ABOUT)
    assert added.count("| **new** | | | why |") == 1
    assert added.endswith(f"why |\n{report.END}\nafter\n")
    with pytest.raises(ValueError, match="no figures"):
        report.with_sections(page, OUTCOMES, ABOUT)


def test_the_page_of_the_documentation_has_its_place() -> None:
    page = Path(__file__).parents[2] / "docs" / "benchmarks.md"
    assert report.with_figures(page.read_text(), OUTCOMES, ABOUT)
