"""``loa demo`` as a process: on air, heard by its receiver, and gone without a trace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_air_and_gone(tmp_path: Path, number: signal.Signals) -> None:
    assert shutil.which("espeak-ng"), "espeak-ng is not installed: make setup does that"
    program = "from loa.streamer.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "demo", "--json", "--port", "0"],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("LOA_")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None and process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            ready = json.loads(line)
            assert set(ready) == {"version", "url", "mounts", "data", "source"}
            assert "/ha-giang/quang-binh/na-khuong" in ready["mounts"]
            for path in ready["mounts"]:
                with urllib.request.urlopen(ready["url"] + path + ".opus", timeout=10) as stream:
                    assert stream.read(4) == b"OggS"
            # As Ctrl-C: to all of the terminal's group.
            os.killpg(process.pid, number)
            out, errors = process.communicate(timeout=20)
            assert process.returncode == 0, errors
            assert out == "" and "Traceback" not in errors
        finally:
            process.kill()
    # Its receiver had standard error too: communicate() returned, so it is gone.
