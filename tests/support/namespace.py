"""Runs a test's code in a network of its own: a new network namespace with nothing but loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_ENTER = (
    "import ctypes, subprocess, sys\n"
    "if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):\n"
    "    sys.exit(77)\n"
    "subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)\n"
)


def in_namespace(code: str, *arguments: str, seconds: float = 60.0) -> Any:
    """Run Python code there; return the JSON that it prints last. Skips where that is not allowed.

    ``tests`` and the repository are on its path; ``sys.argv[1:]`` are the arguments.
    """
    done = subprocess.run(
        [sys.executable, "-c", _ENTER + code, *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"},
        capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("network namespaces are not allowed here")
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
