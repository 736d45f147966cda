"""Prepared audio becomes MP3, for players that know nothing else; in a process of its own.

48 kHz, one channel, 64 kb/s: what every player of the last twenty years reads. The process is
``python -m loa.streamer.ingest.mp3 SOURCE OUT SECONDS``; it ends with the server.
"""

from __future__ import annotations

import asyncio
import os
import sys
from fractions import Fraction
from pathlib import Path

BITRATE = 64_000
TIME_LIMIT = 600.0
_BLOCK = 500
"""Packets that are decoded at a time: 10 s."""


class Mp3Failed(Exception):
    """It could not be made; the text says why, in English."""


async def make_mp3(source: Path, out: Path, time_limit: float = TIME_LIMIT) -> None:
    """Make an MP3 of a bulletin's file; it is there whole or not at all. Raises ``Mp3Failed``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loa.streamer.ingest.mp3",
        os.fspath(source), os.fspath(out), str(time_limit),
        stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdin is not None and process.stderr is not None
    try:
        async with asyncio.timeout(time_limit):
            said = await process.stderr.read(100_000)
            await process.wait()
    except TimeoutError:
        raise Mp3Failed(f"not made within {time_limit:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        process.stdin.close()
    if process.returncode:
        words = said.decode(errors="replace").strip().splitlines()
        raise Mp3Failed(words[-1][:200] if words else f"code {process.returncode}")


def encode(source: Path, out: Path) -> None:
    """Do it, here. Raises ``OggError``, ``OSError`` and FFmpeg's errors."""
    import av
    import numpy as np

    from loa.codecs.ogg import read_clip
    from loa.codecs.opus import PRE_SKIP, RATE
    from loa.native.opus import OpusDecoder

    data, sizes = read_clip(source)
    ends = np.cumsum(sizes, dtype=np.int64)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    decoder, skip, at = OpusDecoder(), PRE_SKIP, 0
    try:
        with av.open(
            os.fspath(beside), "w", format="mp3", options={"write_xing": "1", "id3v2_version": "3"}
        ) as file:
            stream = file.add_stream("libmp3lame", rate=RATE, layout="mono")
            stream.bit_rate = BITRATE
            for first in range(0, len(sizes), _BLOCK):
                last = min(first + _BLOCK, len(sizes))
                begin = 0 if first == 0 else int(ends[first - 1])
                audio = decoder.decode_frames(data[begin : int(ends[last - 1])], sizes[first:last])
                dropped = min(skip, len(audio))
                skip -= dropped
                block = np.clip(audio[dropped:], -1.0, 1.0)[np.newaxis, :]
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(block, dtype=np.float32), format="fltp", layout="mono"
                )
                frame.sample_rate, frame.pts = RATE, at
                frame.time_base = Fraction(1, RATE)
                at += block.shape[1]
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def main() -> None:
    """Be the process."""
    from loa.streamer.ingest.preparing import end_with_the_server, limit

    source, out, seconds = sys.argv[1:]
    limit(float(seconds))
    end_with_the_server()
    encode(Path(source), Path(out))


if __name__ == "__main__":
    main()
