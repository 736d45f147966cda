"""``python -m benchmarks``: measure every row, judge it, show, save; 1 when a budget is missed."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks import picture, report
from benchmarks.rows import Outcome, Section, attempt

RESULTS = Path(__file__).resolve().parent / "results"
DOCS = RESULTS.parent.parent / "docs"
# Where each section lives. They are imported only when they run, since each needs other things.
SECTIONS = {
    "mouth-to-horn": ("mouth_to_horn.run", True),
    "studio": ("studio.run", False),
    "fanout-low": ("fanout.run_low", True),
    "fanout-thrifty": ("fanout.run_thrifty", True),
    "chain": ("chain_cost.run", True),
    "bulletin": ("bulletin_cost.run", True),
    "crowd-thrifty": ("crowd.run_thrifty", False),
    "crowd-low": ("crowd.run_low", False),
    "return": ("crowd.run_return", False),
    "gil": ("gil.run", False),
    "receivers": ("receivers.run_live", False),
    "box": ("box_cost.run", True),
    "data": ("data_use.run", False),
    "synchrony": ("synchrony.run", True),
    "player": ("synchrony.run_player", False),
    "bulletins": ("many_bulletins.run", False),
    "carriage": ("carriage.run", True),
    "on-air": ("on_air.run", True),
    "api": ("api_load.run", False),
    "planning": ("planning.run", True),
    "boxes-emergency": ("boxes.run_emergency", False),
    "boxes-return": ("boxes.run_return", False),
    "boxes-idle": ("boxes.run_idle", False),
    "continuity": ("continuity.run", False),
    "pages": ("pages.run", False),
    "liquidsoap": ("liquidsoap.run", False),
}


def section(name: str) -> Section:
    """Load one section by its name."""
    place, quick = SECTIONS[name]
    module, _, function = place.partition(".")
    return Section(name, getattr(importlib.import_module(f"benchmarks.{module}"), function), quick)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the latency row and the ratios")
    parser.add_argument(
        "--only", action="append", metavar="NAME", choices=list(SECTIONS), help=", ".join(SECTIONS)
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="put figures and picture into docs/ as well; with --only the figures of that section",
    )
    return parser.parse_args()


def main() -> int:
    given = arguments()
    # Ended from outside, it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=None if sys.stdout.isatty() else 150)
    names = given.only or [n for n, (_, quick) in SECTIONS.items() if quick or not given.quick]
    began = datetime.now(UTC)
    outcomes: list[Outcome] = []
    for name in names:
        console.print(f"[dim]{name} …[/dim]")
        start = time.monotonic()
        try:
            loaded = section(name)
        except ModuleNotFoundError as error:
            outcome = Outcome(name, failed=f"needs the Python module {error.name}")
        else:
            outcome = attempt(loaded, given.quick, lambda words: console.print(f"  {words}"))
        outcome.seconds = time.monotonic() - start
        outcomes.append(outcome)
    report.table(outcomes, console)
    about = {
        "began": began.isoformat(timespec="seconds"),
        "quick": given.quick,
        "only": given.only,
        "load_at_end": os.getloadavg()[0],
        **report.machine(),
    }
    stem = RESULTS / began.strftime("%Y%m%d-%H%M%S")
    report.save(outcomes, about, stem.with_suffix(".json"))
    title = f"Loa: what was measured, as a share of what is allowed ({began:%Y-%m-%d})"
    drawing = picture.svg(outcomes, title)
    stem.with_suffix(".svg").write_text(drawing)
    if given.keep:
        page = DOCS / "benchmarks.md"
        if given.only:  # the picture is of whole runs
            page.write_text(report.with_sections(page.read_text(), outcomes, about))
        else:
            (DOCS / "bench.svg").write_text(drawing)
            page.write_text(report.with_figures(page.read_text(), outcomes, about))
    console.print(f"[dim]saved as {stem.relative_to(RESULTS.parent.parent)}.json and .svg[/dim]")
    missed = [outcome.name for outcome in outcomes if outcome.missed]
    if missed:
        console.print(f"[bold red]missed: {', '.join(missed)}[/bold red]")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
