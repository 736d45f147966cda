"""What decoders make of bytes that are no audio."""

from __future__ import annotations

import collections
import shutil
from pathlib import Path

import pytest

from loa.streamer.counters import Counters
from loa.streamer.ingest.decoders import standard
from loa.streamer.ingest.decoding import Undecodable
from loa.streamer.ingest.pipe import BytePipe


def test_a_program_that_is_sent_as_mp3_is_soon_recognised():
    program = shutil.which("ffmpeg")
    assert program is not None, "ffmpeg is needed: make test installs it"
    pipe = BytePipe(1 << 22, lambda: None)
    pipe.feed(Path(program).read_bytes()[: 1 << 21])
    pipe.close()
    counters = Counters()
    blocks = standard(counters).media(pipe, "mp3")
    with pytest.raises(Undecodable, match="damaged"):
        collections.deque(blocks, maxlen=0)
    assert counters.snapshot()["sources.damaged_packets"] > 20
