"""Limits of the process."""

from __future__ import annotations

import subprocess
import sys


def test_the_descriptor_limit_goes_to_the_hard_limit() -> None:
    program = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 512))
from loa.streamer.process import raise_descriptor_limit
assert raise_descriptor_limit() == 512
assert raise_descriptor_limit() == 512
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (512, 512)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
