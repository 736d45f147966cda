"""The table on the screen, the saved JSON and the Markdown of a run."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.rows import Outcome, Verdict, bound_words, number

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
HEAD = "| row | value | bound | |\n| --- | ---: | ---: | --- |\n"
COLOUR = {"held": "green", "missed": "bold red", "shown": "cyan", "skipped": "yellow"}


def _value(verdict: Verdict) -> str:
    row = verdict.row
    return "—" if row.value is None else number(row.value, row.unit)


def table(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print all rows; what was skipped or failed says why."""
    shown = Table(title=None, box=None, header_style="bold", pad_edge=False)
    for name, side in (("row", "left"), ("value", "right"), ("bound", "right")):
        shown.add_column(name, justify=side, no_wrap=name != "row")  # type: ignore[arg-type]
    shown.add_column("")
    shown.add_column("tries", justify="right")
    shown.add_column("note", style="dim")
    for outcome in outcomes:
        shown.add_row(f"[bold]{outcome.name}[/bold]")
        if outcome.skipped:
            shown.add_row("", "—", "", "[yellow]skipped[/yellow]", "", outcome.skipped)
        if outcome.failed:
            shown.add_row("", "—", "", "[bold red]failed[/bold red]", "", outcome.failed)
        for verdict in outcome.verdicts:
            row = verdict.row
            shown.add_row(
                f"  {row.what}",
                _value(verdict),
                bound_words(row),
                f"[{COLOUR[verdict.state]}]{verdict.state}[/]",
                str(verdict.tries) if verdict.tries > 1 else "",
                row.note,
            )
    console.print(shown)


def machine() -> dict[str, Any]:
    """Describe where the run took place, without naming the machine."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "cores": os.cpu_count(),
        "cpu": model,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def save(outcomes: Sequence[Outcome], about: dict[str, Any], path: Path) -> None:
    """Write the run as JSON, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {**about, "sections": [outcome.as_json() for outcome in outcomes]}
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
    beside.replace(path)


def with_figures(page: str, outcomes: Sequence[Outcome], about: dict[str, Any]) -> str:
    """Return a Markdown page with the figures between its two marks replaced by this run's.

    Raises ``ValueError`` when the page has no such marks.
    """
    before, first, rest = page.partition(BEGIN)
    _, last, after = rest.partition(END)
    if not first or not last:
        raise ValueError("this page has no place for figures")
    words = (
        f"{about['began'][:10]}, {about['cores']} cores ({about['cpu']}), Linux "
        f"{about['kernel']}, Python {about['python']}; load average at the end "
        f"{about['load_at_end']:.1f}.{' Short turns (--quick).' if about['quick'] else ''}"
    )
    picture = "![Each judged row as a share of its bound](bench.svg)"
    return f"{before}{BEGIN}\n{picture}\n\n{words}\n\n{markdown(outcomes)}{END}{after}"


def with_sections(page: str, outcomes: Sequence[Outcome], about: dict[str, Any]) -> str:
    """Return a page with the figures of these sections only put in place of theirs, or added.

    What stands there of others stays, and above the table which run each of these is of. Raises
    ``ValueError`` when the page has no figures.
    """
    before, _, rest = page.partition(BEGIN)
    figures, _, after = rest.partition(END)
    above, head, table = figures.partition(HEAD)
    if not head:
        raise ValueError("this page has no figures")
    sections: dict[str, str] = {}
    for line in table.strip().splitlines():
        name = line.split("**")[1] if line.startswith("| **") else next(reversed(sections))
        sections[name] = sections.get(name, "") + line + "\n"
    paragraphs = above.strip().split("\n\n")
    for outcome in outcomes:
        sections[outcome.name] = markdown([outcome]).removeprefix(HEAD)
        name = f"*{outcome.name}*: a run of its own"
        paragraphs = [each for each in paragraphs if not each.startswith(name)]
        short = ", short turns (--quick)" if about["quick"] else ""
        paragraphs.append(f"{name}, {about['began'][:16].replace('T', ' ')} UTC{short}.")
    words = "\n\n".join(paragraphs)
    return f"{before}{BEGIN}\n{words}\n\n{HEAD}{''.join(sections.values())}{END}{after}"


def markdown(outcomes: Sequence[Outcome]) -> str:
    """Return the run as a Markdown table for docs/benchmarks.md."""
    lines = HEAD.splitlines()
    for outcome in outcomes:
        lines.append(f"| **{outcome.name}** | | | {outcome.skipped or outcome.failed} |")
        for verdict in outcome.verdicts:
            words = verdict.state if verdict.tries == 1 else f"{verdict.state}, try {verdict.tries}"
            note = f"; {verdict.row.note}" if verdict.row.note else ""
            lines.append(
                f"| {verdict.row.what} | {_value(verdict)} | {bound_words(verdict.row)} "
                f"| {words}{note} |".replace("|  |", "| |")
            )
    return "\n".join(lines) + "\n"
