"""Messages of audio, built once for all who heard the same in the same ticks."""

from __future__ import annotations

from collections.abc import Sequence

from loa.codecs.control.frames import pack_audio
from loa.native.engine import Engine
from loa.streamer.fleet.hub import binary_frame

MOST = 2048


class Frames:
    """See the module. ``built``: how many were."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._frames: dict[tuple[int, bytes], bytes] = {}
        self.built = 0

    def rows(self, mounts: Sequence[int], first: int, count: int) -> Sequence[bytes | None]:
        """Return what tells for each mount what was heard there: the same where it is the same.

        None where it is known no more.
        """
        return self._engine.sounding(mounts, first, count) or [None] * len(mounts)

    def of(self, mount: int, first: int, count: int, row: bytes | None) -> bytes | None:
        """Return the message of these ticks of a mount; None when they cannot be had any more."""
        if row is None:
            return None
        key = (first, row)
        frame = self._frames.get(key)
        if frame is None:
            packets = self._engine.mount_packets(mount, first, count)
            if packets is None:
                return None
            if len(self._frames) >= MOST:
                for old in list(self._frames)[: MOST // 2]:
                    del self._frames[old]
            frame = self._frames[key] = binary_frame(pack_audio(first, packets))
            self.built += 1
        return frame
