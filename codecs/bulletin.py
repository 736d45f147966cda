"""A recording becomes a bulletin: measured, levelled, limited, encoded once, and checked.

    decode → spool (mono float on disk) → gain, fades, limiter → Opus → Ogg file
               └ measured                  └ measured, corrected   └ decoded again, measured

Memory stays flat: everything passes in blocks of a second. Target and tolerances are those of
EBU R 128 with our level (docs/architecture.md, decision 11).
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from loa.codecs.media import ByteSource, MediaError, decode
from loa.codecs.opus import FRAME, PRE_SKIP, RATE, OpusFileWriter
from loa.codecs.peaks import Peaks, Waveform
from loa.native.dsp import Limiter, Loudness, LoudnessReport
from loa.native.opus import LOOKAHEAD, OpusDecoder, OpusEncoder

Samples = npt.NDArray[np.float32]
Progress = Callable[[float], None]

TARGET_LUFS = -16.0
CEILING_DBTP = -3.0
BITRATE = 24_000
MAX_GAIN = 30.0
"""dB by which loudness may rise; what would need more is more noise than speech."""
MAX_MAKE_UP = 15.0
"""dB beyond the gain itself that may give back what the limiter takes away."""
TOLERANCE = 0.3
"""LU, before the encoder."""
MAX_SECONDS = 6 * 3600
FADE = 480
"""Samples of the fades at a bulletin's own beginning and end: 10 ms."""

_AIM = 0.2
_PASSES = 6
_SAMPLE_SECONDS = 24
_ENCODES = 8
_LEAD = PRE_SKIP - LOOKAHEAD


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that users should know of a bulletin; ``WORDS`` has it in English by its code."""

    code: str
    values: dict[str, float]

    def __str__(self) -> str:
        return WORDS[self.code].format_map(self.values)


WORDS = {
    "damaged": "{count} damaged packets were left out",
    "short": "shorter than 0.4 s, too short for its loudness to be measured; left as it is",
    "silence": "silence; left as it is",
    "peaks_after": "its peaks after decoding allow only {lufs:.1f} LUFS",
    "quiet": "too quiet: raised by {most:.0f} dB, the most allowed, to {lufs:.1f} LUFS",
    "peaks": "its peaks allow only {lufs:.1f} LUFS",
}


@dataclass(frozen=True, slots=True)
class BulletinReport:
    """What was made of a recording.

    ``source``: the recording after the downmix; ``normalized``: before the encoder; ``decoded``:
    what is heard. ``reached``: ``normalized`` is within ±0.3 LU of the target; if not, ``remarks``
    say why. ``damaged``: packets of the recording that could not be decoded. ``peaks``: the
    waveform of what is heard (``codecs/peaks.py``).
    """

    seconds: float
    ticks: int
    bytes: int
    gain_db: float
    ceiling_dbtp: float
    source: LoudnessReport
    normalized: LoudnessReport
    decoded: LoudnessReport
    reached: bool
    damaged: int
    remarks: tuple[Remark, ...]
    peaks: Waveform

    @property
    def notes(self) -> tuple[str, ...]:
        """The remarks in English."""
        return tuple(str(remark) for remark in self.remarks)


def prepare(
    source: str | os.PathLike[str] | ByteSource,
    out_path: str | os.PathLike[str],
    *,
    target_lufs: float = TARGET_LUFS,
    ceiling: float = CEILING_DBTP,
    bitrate: int = BITRATE,
    complexity: int = 10,
    detail: bool = False,
    progress: Progress | None = None,
) -> BulletinReport:
    """Make the bulletin file ``out_path`` (Ogg Opus, one channel, 20 ms packets) of a recording.

    ``detail``: measure the windows and the range of ``decoded``, too. The file appears whole or not
    at all. ``progress`` gets 0 … 1, not falling; what it raises
    stops the work. Raises ``MediaError`` when the recording cannot be read, is empty or longer than
    six hours, and ``OSError`` when the disk is full; temporary files (192 kB for each second) lie
    beside ``out_path``, named ``.<its name>.…``, and remain only when the process is killed.
    """
    out = Path(out_path)
    tell = _Monotonic(progress)
    hidden = f".{out.name}."
    with tempfile.TemporaryFile(dir=out.parent, prefix=hidden) as spool:
        recording = _spool(source, spool, tell)
        work = _Work(recording, target_lufs, tell)
        descriptor, name = tempfile.mkstemp(dir=out.parent, prefix=hidden)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                report = _make(work, file, ceiling, bitrate, complexity, detail)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)
            os.replace(name, out)
        except BaseException:
            os.unlink(name)
            raise
    _sync(out.parent)
    tell(1.0)
    return report


@dataclass(frozen=True, slots=True)
class _Recording:
    """A recording as it lies in the spool; ``offset`` is its mean (a sound card's DC)."""

    file: BinaryIO
    samples: int
    heard: LoudnessReport
    offset: float
    damaged: int

    def blocks(self, sparse: int = 1) -> Iterator[Samples]:
        """Yield it in blocks of a second; of each ``2 * sparse`` of them only the first two."""
        for first in range(0, self.samples, 2 * sparse * RATE):
            self.file.seek(4 * first)
            for _ in range(2):
                if raw := self.file.read(4 * RATE):
                    yield np.frombuffer(raw, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Fit:
    """A gain that was found, and what it gives before the encoder where that was measured."""

    gain: float
    measured: LoudnessReport | None


class _Monotonic:
    """Progress that never falls, whatever has to be done again."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._told = 0.0

    def __call__(self, value: float) -> None:
        self._told = max(self._told, min(1.0, value))
        if self._progress is not None:
            self._progress(self._told)


class _Work:
    """One recording on its way to one loudness."""

    def __init__(self, recording: _Recording, target: float, tell: _Monotonic) -> None:
        self.recording = recording
        self.target = target
        self.tell = tell

    def shaped(self, gain: float, ceiling: float, sparse: int = 1) -> Iterator[Samples]:
        """Yield the recording with gain and fades, limited: as many samples as it has.

        With ``sparse`` only a part of it, without the fade at its end.
        """
        factor = np.float32(10 ** (gain / 20))
        fade = np.sin(np.linspace(0, np.pi / 2, FADE, dtype=np.float32)) ** 2
        offset = np.float32(self.recording.offset)
        limiter = Limiter(ceiling)
        total = self.recording.samples
        late = Limiter.DELAY
        at = 0
        for raw in self.recording.blocks(sparse):
            block = (raw - offset) * factor
            if at < FADE:
                part = min(FADE - at, len(block))
                block[:part] *= fade[at : at + part]
            begin = max(at, total - FADE)
            if begin < at + len(block):
                left = fade[::-1][begin - (total - FADE) :]
                block[begin - at :] *= left[: at + len(block) - begin]
            at += len(block)
            limited = limiter.process(block)
            skipped = min(late, len(limited))
            late -= skipped
            yield limited[skipped:]
        yield limiter.flush()[late:]

    def fit(self, ceiling: float) -> _Fit:
        """Find the gain in dB that brings the recording to its target through the limiter."""
        heard = self.recording.heard
        if not math.isfinite(heard.integrated_lufs):
            return _Fit(0.0, None)
        gain = min(self.target - heard.integrated_lufs, MAX_GAIN)
        peak = 10 ** (heard.true_peak_dbtp / 20) + abs(self.recording.offset)
        if 20 * math.log10(peak) + gain <= ceiling - 0.1:
            return _Fit(gain, None)
        limit = gain + MAX_MAKE_UP
        slope = 0.4  # of speech, where the limiter works
        start = gain
        sparse = int(self.recording.samples / RATE / _SAMPLE_SECONDS)
        if sparse > 1:
            # Of a long recording a part tells how much the limiter takes away.
            part = Loudness(1, peak=False, windows=False)
            for block in self.recording.blocks(sparse):
                part.add(block)
            loudness = part.read().integrated_lufs
            if math.isfinite(loudness):
                start, slope, _ = self._seek(
                    loudness + gain, start, limit, slope, ceiling, _AIM / 4, sparse
                )
        target = heard.integrated_lufs + gain
        found, _, report = self._seek(target, start, limit, slope, ceiling, _AIM)
        return _Fit(found, report)

    def _seek(
        self,
        target: float,
        gain: float,
        limit: float,
        slope: float,
        ceiling: float,
        aim: float,
        sparse: int = 1,
    ) -> tuple[float, float, LoudnessReport]:
        """Approach ``target`` by secant; return gain, slope (LUFS for each dB) and loudness."""
        before: tuple[float, float] | None = None
        for turn in range(_PASSES):
            meter = Loudness(1, windows=False)
            for block in self.shaped(gain, ceiling, sparse):
                meter.add(block)
            report = meter.read()
            loudness = report.integrated_lufs
            if sparse == 1:
                self.tell(0.2 + 0.1 * (turn + 1) / _PASSES)
            missing = target - loudness
            if before is not None:
                slope = (loudness - before[1]) / (gain - before[0])
            before = gain, loudness
            after = min(gain + missing / min(max(slope, 0.2), 1.0), limit)
            # A flat slope: nothing is left but the limiter's ceiling.
            if abs(missing) <= aim or slope < 0.05 or abs(after - gain) < 0.01:
                break
            if turn < _PASSES - 1:
                gain = after
        return gain, slope, report


def _spool(
    source: str | os.PathLike[str] | ByteSource, file: BinaryIO, tell: _Monotonic
) -> _Recording:
    """Decode everything into the file, and measure it."""
    meter = Loudness(1, windows=False)
    total = 0.0
    with decode(source) as decoder:
        for block in decoder:
            if decoder.samples > MAX_SECONDS * RATE:
                hours = MAX_SECONDS // 3600
                words = f"it is longer than {hours} hours; cut it into parts"
                raise MediaError(words, "too_long", hours=hours)
            meter.add(block)
            total += float(np.sum(block, dtype=np.float64))
            file.write(block.tobytes())
            tell(0.2 * (decoder.progress or 0.0))
        if decoder.samples == 0:
            raise MediaError("there is no audio in it", "no_audio")
        file.flush()
        offset = total / decoder.samples
        return _Recording(file, decoder.samples, meter.read(), offset, decoder.damaged)


def _make(
    work: _Work, file: BinaryIO, ceiling: float, bitrate: int, complexity: int, detail: bool
) -> BulletinReport:
    """Encode until what is decoded keeps below 0 dBTP; see ``prepare``."""
    recording = work.recording
    lowered = 0.0
    fit = work.fit(ceiling)
    for turn in range(_ENCODES):
        file.seek(0)
        file.truncate()
        encoder = OpusEncoder(bitrate, complexity)
        if lowered:
            fit = _Fit(fit.gain, None)
        writer, before, heard = _encode(work, file, encoder, fit, lowered, ceiling, detail)
        after = heard.read()
        over = after.true_peak_dbtp
        if over <= 0.0:
            break
        # Opus gave peaks back: a lower ceiling first, and where that is not enough, less of all.
        if turn < 2:
            ceiling = max(-40.0, ceiling - over - 0.2)
            fit = work.fit(ceiling)
        else:
            lowered += over + 0.5
            ceiling = max(-40.0, ceiling - over - 0.5)
    missing = work.target - before.integrated_lufs
    reached = abs(missing) <= TOLERANCE
    return BulletinReport(
        seconds=recording.samples / RATE,
        ticks=writer.packets,
        bytes=writer.bytes,
        gain_db=fit.gain - lowered,
        ceiling_dbtp=ceiling,
        source=recording.heard,
        normalized=before,
        decoded=after,
        reached=reached,
        damaged=recording.damaged,
        remarks=tuple(_remarks(recording, before, work.target, lowered)),
        peaks=heard.peaks.read(),
    )


def _remarks(
    recording: _Recording, before: LoudnessReport, target: float, lowered: float
) -> Iterator[Remark]:
    """Say what users should know: why the target was not reached, and what was left out."""
    heard, lufs = recording.heard.integrated_lufs, before.integrated_lufs
    if recording.damaged:
        yield Remark("damaged", {"count": recording.damaged})
    if not math.isfinite(heard):
        short = recording.samples < RATE * 2 // 5
        level = math.isfinite(recording.heard.true_peak_dbtp)
        yield Remark("short" if short and level else "silence", {})
    elif abs(target - lufs) > TOLERANCE:
        if lowered > 0:
            yield Remark("peaks_after", {"lufs": lufs})
        elif heard + MAX_GAIN < target:
            yield Remark("quiet", {"most": MAX_GAIN, "lufs": lufs})
        else:
            yield Remark("peaks", {"lufs": lufs})


def _encode(
    work: _Work,
    file: BinaryIO,
    encoder: OpusEncoder,
    fit: _Fit,
    lowered: float,
    ceiling: float,
    detail: bool,
) -> tuple[OpusFileWriter, LoudnessReport, _Heard]:
    """Encode into the file; return the loudness before the encoder, and what a decoder hears."""
    writer = OpusFileWriter(file)
    before = None if fit.measured else Loudness(1, windows=False)
    after = _Heard(work.recording.samples, detail)

    def encode(frames: Samples) -> None:
        data, sizes = encoder.encode_many(frames)
        writer.add(data, sizes)
        after.add(data, sizes)
        work.tell(0.3 + 0.65 * writer.packets * FRAME / (work.recording.samples + PRE_SKIP))

    held = np.zeros(_LEAD, dtype=np.float32)
    for block in work.shaped(fit.gain - lowered, ceiling):
        if before is not None:
            before.add(block)
        held = np.concatenate([held, block])
        whole = len(held) // FRAME * FRAME
        if whole >= RATE // 2:
            encode(held[:whole])
            held = held[whole:]
    # What the encoder still holds back, and a whole last frame.
    ticks = -(-(PRE_SKIP + work.recording.samples) // FRAME)
    rest = np.zeros((ticks - writer.packets) * FRAME, dtype=np.float32)
    size = min(len(held), len(rest))
    rest[:size] = held[:size]
    encode(rest)
    writer.finish(work.recording.samples)
    normalized = fit.measured if before is None else before.read()
    assert normalized is not None
    return writer, normalized, after


class _Heard:
    """Decodes what was encoded, and measures it as listeners will hear it."""

    def __init__(self, samples: int, detail: bool) -> None:
        self._decoder = OpusDecoder()
        self._meter = Loudness(1, windows=detail)
        self._skip = PRE_SKIP
        self._left = samples
        self.peaks = Peaks()

    def add(self, data: bytes, sizes: npt.NDArray[np.uint16]) -> None:
        audio = self._decoder.decode_frames(data, sizes)
        skipped = min(self._skip, len(audio))
        self._skip -= skipped
        audio = audio[skipped : skipped + self._left]
        self._left -= len(audio)
        self._meter.add(audio)
        self.peaks.add(audio)

    def read(self) -> LoudnessReport:
        return self._meter.read()


def _sync(folder: Path) -> None:
    """Make a rename in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
