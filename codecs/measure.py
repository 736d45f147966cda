"""``loa measure``: loudness and true peak of files, as they are and as they would go out."""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from loa.codecs.bulletin import prepare
from loa.codecs.errors import CodecError
from loa.codecs.media import RATE, MediaError, decode
from loa.native.dsp import Loudness, LoudnessReport

_NOTHING = -200.0
"""LUFS and dBTP below this are a decoder's rounding of silence: 24 bits end at -144."""

_COLUMNS = (
    ("integrated_lufs", "LUFS"),
    ("short_term_max_lufs", "3 s max"),
    ("momentary_max_lufs", "0.4 s max"),
    ("range_lu", "range LU"),
    ("true_peak_dbtp", "dBTP"),
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One file: as it is, with its own channels, and what listeners would hear of it."""

    file: str
    as_is: LoudnessReport
    after: LoudnessReport
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the form that ``--json`` prints; what has no value is None."""
        return {"file": self.file, **_values(self.as_is), "after": _values(self.after)}


def _values(report: LoudnessReport) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    for name, _ in _COLUMNS:
        value = getattr(report, name)
        values[name] = round(value, 2) if _is_level(value) else None
    return {**values, "seconds": round(report.frames / RATE, 3)}


def _is_level(value: float) -> bool:
    return math.isfinite(value) and value > _NOTHING


def measure(
    path: str | os.PathLike[str], progress: Callable[[float], None] | None = None
) -> Measurement:
    """Measure a file. ``progress`` gets 0 … 1. Raises ``CodecError`` and ``OSError``."""
    tell = progress or (lambda _: None)
    meter: Loudness | None = None
    with decode(path, mono=False) as decoder:
        for block in decoder:
            if meter is None:
                meter = Loudness(decoder.channels)
            meter.add(block)
            tell(0.3 * (decoder.progress or 0.0))
    if meter is None:
        raise MediaError(f"{Path(path).name}: there is no audio in it")
    with tempfile.TemporaryDirectory(prefix="loa-measure-") as folder:
        out = Path(folder) / "after.opus"
        report = prepare(path, out, detail=True, progress=lambda part: tell(0.3 + 0.7 * part))
    return Measurement(os.fspath(path), meter.read(), report.decoded, report.notes)


def run(files: Sequence[Path], *, as_json: bool) -> int:
    """Measure files and print what was found; return the exit code: 1 when one could not be."""
    console = Console(stderr=True)
    done: list[Measurement] = []
    failed = False
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        for path in files:
            task = bar.add_task(path.name, total=1.0)
            try:
                done.append(measure(path, partial(_show, bar, task)))
            except (CodecError, OSError) as error:
                failed = True
                text = str(error)
                if path.name not in text:
                    text = f"{path.name}: {text}"
                console.print(f"loa measure: {text}", markup=False, highlight=False, soft_wrap=True)
            bar.remove_task(task)
    if as_json:
        json.dump([entry.to_json() for entry in done], sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    elif done:
        _print_table(done)
    return 1 if failed else 0


def _show(bar: Progress, task: TaskID, part: float) -> None:
    bar.update(task, completed=part)


def _print_table(done: list[Measurement]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("")
    for _, title in (*_COLUMNS, ("seconds", "length")):
        table.add_column(title, justify="right")
    for entry in done:
        for name, state, report in (
            (entry.file, "as it is", entry.as_is),
            ("", "on air", entry.after),
        ):
            cells = [_cell(getattr(report, column)) for column, _ in _COLUMNS]
            seconds = report.frames / RATE
            length = f"{int(seconds // 60)}:{seconds % 60:04.1f}"
            table.add_row(Text(name), state, *cells, length)
        for note in entry.notes:
            table.add_row("", Text(note, style="yellow"))
    Console().print(table)


def _cell(value: float) -> str:
    return f"{value:.1f}" if _is_level(value) else "–"
