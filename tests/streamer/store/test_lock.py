"""The lock on the data directory: a second server is told who has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loa.streamer.store.lock import DataInUse, DataLock, holder

CHILD = """
import sys
from pathlib import Path
from loa.streamer.store.lock import DataLock
DataLock.take(Path(sys.argv[1]))
print("taken", flush=True)
sys.stdin.read()
"""


def test_a_second_one_is_refused_until_the_first_ends_even_by_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == b"taken\n"
        with pytest.raises(DataInUse, match=f"in use by another Loa .process {child.pid}."):
            DataLock.take(tmp_path)
        assert holder(tmp_path) == child.pid
        child.kill()
    assert holder(tmp_path) is None
    lock = DataLock.take(tmp_path)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()
    lock.release()
    DataLock.take(tmp_path).release()


def test_nobody_holds_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert holder(tmp_path / "nowhere") is None
