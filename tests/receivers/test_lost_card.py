"""A sound card that really goes away and comes back, under PortAudio: the horn plays on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.pulse import pulse

PROGRAM = """
import asyncio, json, sys
from random import Random
sys.path[:0] = sys.argv[1:]
from loa.receivers.backoff import Backoff
from loa.receivers.horn import Horn
from loa.receivers.outputs import DeviceOutput, look_again
from loa.receivers.relay import NoRelay
from support.horn import KeptJournal, Said

async def main():
    journal = KeptJournal()
    horn = Horn(DeviceOutput, NoRelay(), journal, lambda now: None, look_again=look_again,
                backoff=Backoff(Random(1)))
    horn.sound = Said(start=0.0)
    task = asyncio.create_task(horn.run())
    while not task.done():
        state = horn.state()
        print(json.dumps([horn.consuming, state.trouble, state.reopened, journal.kinds()]),
              flush=True)
        await asyncio.sleep(0.1)
    task.result()

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_sound_card_is_lost_and_comes_back(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[1]
    log = tmp_path / "log"
    with pulse(tmp_path) as card, log.open("w") as errors:
        environment = os.environ | card.environment
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(root)], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        assert process.stdout is not None

        def until(what: Callable[[Any], object]) -> Any:
            assert process.stdout is not None
            for _ in range(600):
                line = process.stdout.readline()
                assert line, log.read_text()
                if what(said := json.loads(line)):
                    return said
            raise AssertionError(said)

        until(lambda said: said[0])
    try:
        until(lambda said: not said[0] and "output_lost" in said[3])
        with pulse(tmp_path) as card:
            until(lambda said: said[0] and said[2] >= 1 and said[3][-1] == "output_back")
            assert np.abs(card.record(0.5)).max() > 0.1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
