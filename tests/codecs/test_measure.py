"""``loa measure``: its list, its table, its errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from loa.codecs.measure import measure
from loa.streamer.cli import app

RATE = 48_000
KEYS = [
    "integrated_lufs", "short_term_max_lufs", "momentary_max_lufs", "range_lu", "true_peak_dbtp",
    "seconds",
]  # fmt: skip


def tone(path: Path, gains: list[float], seconds: float = 5) -> Path:
    t = np.sin(2 * np.pi * 1000 * np.arange(round(seconds * RATE)) / RATE)
    soundfile.write(path, np.stack([g * t for g in gains], axis=1), RATE, subtype="FLOAT")
    return path


def test_json_is_a_list_of_files_as_they_are_and_as_they_go_out(tmp_path: Path) -> None:
    # EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS has -23 LUFS.
    level = 10 ** (-23 / 20)
    stereo = tone(tmp_path / "stereo.wav", [level, level])
    silence = tone(tmp_path / "silence.wav", [0.0])
    result = CliRunner().invoke(app, ["measure", "--json", str(stereo), str(silence)])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [list(entry) for entry in found] == [["file", *KEYS, "after"]] * 2
    assert all(list(entry["after"]) == KEYS for entry in found)
    assert found[0]["file"] == str(stereo)
    assert found[0]["integrated_lufs"] == pytest.approx(-23, abs=0.1)
    assert found[0]["true_peak_dbtp"] == pytest.approx(-23, abs=0.1)
    assert found[0]["seconds"] == found[0]["after"]["seconds"] == 5.0
    assert found[0]["after"]["integrated_lufs"] == pytest.approx(-16, abs=0.7)
    assert found[0]["after"]["true_peak_dbtp"] <= 0
    quiet = dict.fromkeys(KEYS) | {"seconds": 5.0}
    after = found[1].pop("after")
    assert found[1] == {"file": str(silence)} | quiet
    assert after == quiet, "what a decoder makes of silence has no level either"


def test_channels_are_measured_as_they_are(tmp_path: Path) -> None:
    # ITU-R BS.1770-4: the surrounds count +1.5 dB, LFE nothing.
    level = 10 ** (-20 / 20)
    front = measure(tone(tmp_path / "a.wav", [0, 0, level, 0, 0, 0]))
    rear = measure(tone(tmp_path / "b.wav", [0, 0, 0, 0, level, 0]))
    low = measure(tone(tmp_path / "c.wav", [level, 0, 0, 1.0, 0, 0]))
    assert front.as_is.integrated_lufs == pytest.approx(-23, abs=0.1)
    assert rear.as_is.integrated_lufs == pytest.approx(-21.5, abs=0.1)
    assert low.as_is.integrated_lufs == pytest.approx(-23, abs=0.1)


def test_a_file_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    good = tone(tmp_path / "good.wav", [0.1])
    bad = tmp_path / "bad [x].mp3"
    bad.write_text("this is no audio")
    missing = tmp_path / "missing.mp3"
    command = ["measure", str(bad), str(missing), str(good)]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 1
    assert [entry["file"] for entry in json.loads(result.stdout)] == [str(good)]
    lines = result.stderr.splitlines()
    assert lines[0].startswith("loa measure: bad [x].mp3: no audio that we can read")
    assert lines[1] == "loa measure: missing.mp3: No such file or directory"
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1 and "as it is" in result.stdout and "on air" in result.stdout


def test_the_table_says_why_the_target_is_not_reached(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["measure", str(tone(tmp_path / "a.wav", [0.0]))])
    assert result.exit_code == 0
    assert "silence" in result.stdout and "–" in result.stdout
