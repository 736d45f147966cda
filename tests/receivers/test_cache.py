"""The cache: what is there is right, and nothing is lost to full disks and power cuts."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.sealed import hash_of
from loa.receivers.cache import Cache, NoRoom
from support.boxes import opus_file

PIECE = 4096


def fetch(cache: Cache, data: bytes, piece: int = PIECE) -> bool:
    """Let a file come piece by piece, going on with what is there; return whether it is there."""
    hash = hash_of(data)
    while (at := cache.begun(hash)) < len(data):
        cache.write(hash, at, data[at : at + piece])
    return cache.finish(hash)


def test_a_file_comes_in_pieces_and_is_read_as_its_packets(tmp_path: Path) -> None:
    data = opus_file(3, 700)
    cache = Cache(tmp_path, 10**9)
    hash = hash_of(data)
    assert not cache.has(hash) and cache.read(hash) is None
    assert fetch(cache, data)
    assert cache.has(hash)
    prepared = cache.read(hash)
    assert prepared is not None and len(prepared.packets) == 700
    assert prepared.hash == hash and len(set(prepared.packets)) == 700
    packets = tuple(prepared.packets)
    assert prepared.packets[5:7] == packets[5:7] and prepared.packets[-1] == packets[699]
    assert prepared.packets[698:900] == packets[698:] and prepared.packets[700:] == ()
    with pytest.raises(IndexError):
        prepared.packets[700]


def test_what_came_is_there_after_a_start_and_the_rest_follows(tmp_path: Path) -> None:
    data = opus_file(3, 700)
    hash = hash_of(data)
    Cache(tmp_path, 10**9).write(hash, 0, data[:5000])
    again = Cache(tmp_path, 10**9)
    assert again.begun(hash) == 5000 and not again.has(hash)
    assert again.write(hash, 4000, data[4000:6000]) == 6000  # overlaps: only what is new
    assert again.write(hash, 9000, data[9000:]) == 6000  # does not follow: passed over
    assert fetch(again, data) and again.bytes_of(hash) == data


def test_a_corrupted_file_is_thrown_away_when_it_is_read(tmp_path: Path) -> None:
    data = opus_file(3, 100)
    cache = Cache(tmp_path, 10**9)
    fetch(cache, data)
    hash = hash_of(data)
    file = tmp_path / f"{hash.hex()}.opus"
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 1
    file.write_bytes(damaged)
    assert cache.has(hash)  # cheap: nobody has looked yet
    assert cache.read(hash) is None
    assert not cache.has(hash) and not file.exists()
    assert cache.counters["cache.damaged"] == 1
    assert fetch(cache, data) and cache.read(hash) is not None


def test_what_came_wrong_begins_anew(tmp_path: Path) -> None:
    data = opus_file(3, 100)
    cache = Cache(tmp_path, 10**9)
    cache.write(hash_of(data), 0, bytes(len(data)))
    assert not cache.finish(hash_of(data))
    assert cache.begun(hash_of(data)) == 0 and list(tmp_path.iterdir()) == []


def test_what_is_no_audio_is_not_fetched_for_ever(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 10**9)
    assert fetch(cache, b"not audio at all")
    hash = hash_of(b"not audio at all")
    assert cache.read(hash) is None and not cache.has(hash) and hash in cache.useless


def test_the_least_useful_goes_first_and_nothing_for_what_is_less_useful(tmp_path: Path) -> None:
    files = [bytes([n]) * 1000 for n in range(5)]
    hashes = [hash_of(f) for f in files]
    cache = Cache(tmp_path, 4000)
    for data in files[:4]:
        fetch(cache, data)
    due = {hashes[0]: 10.0, hashes[1]: 400.0, hashes[2]: 20.0, hashes[4]: 30.0}
    # 3 is in no plan: it goes first.
    cache.make_room(hashes[4], 1000, due[hashes[4]], due)
    assert cache.hashes() == {hashes[0], hashes[1], hashes[2]}
    # Of what is in the plan the farthest goes.
    cache.make_room(hashes[4], 2000, due[hashes[4]], due)
    assert cache.hashes() == {hashes[0], hashes[2]}
    # What is due later than all that is there finds no room, and nothing is lost by asking.
    with pytest.raises(NoRoom):
        cache.make_room(hashes[1], 3000, 400.0, due)
    assert cache.hashes() == {hashes[0], hashes[2]} and cache.counters["cache.full"] == 1


def test_a_full_disk_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, other = opus_file(3, 300), opus_file(4, 300)
    cache = Cache(tmp_path, 10**9)
    fetch(cache, data)
    cache.write(hash_of(other), 0, other[:3000])
    really, room = os.pwrite, 500

    def pwrite(file: int, view: Any, offset: int) -> int:
        nonlocal room
        if room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = really(file, bytes(view)[:room], offset)
        room -= written
        return written

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(NoRoom, match="No space left"):
        cache.write(hash_of(other), 3000, other[3000:6000])
    assert cache.begun(hash_of(other)) == 3000
    assert cache.read(hash_of(data)) is not None
    monkeypatch.undo()
    assert Cache(tmp_path, 10**9).begun(hash_of(other)) == 3000
    assert fetch(cache, other) and cache.bytes_of(hash_of(other)) == other


SMALL_DISK = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from loa.codecs.control.sealed import hash_of
from loa.receivers.cache import Cache, NoRoom
from support.boxes import opus_file
cache, whole = Cache(Path({folder!r}), 10**9), []
for number in range(100):
    data = opus_file(number, 300)
    try:
        for at in range(0, len(data), 3000):
            cache.write(hash_of(data), at, data[at : at + 3000])
        assert cache.finish(hash_of(data))
    except NoRoom as error:
        print(error)
        break
    whole.append(data)
assert 3 < len(whole) < 60, len(whole)
again = Cache(Path({folder!r}), 10**9)
assert all(again.bytes_of(hash_of(data)) == data for data in whole)
assert again.read(hash_of(whole[0])) is not None
# What is less useful makes room, and the rest of what was on its way comes.
needed = {{hash_of(d): float(n) for n, d in enumerate(whole)}}
again.reserve = 4 * len(data)
again.make_room(hash_of(data), len(data), 0.5, needed)
while (at := again.begun(hash_of(data))) < len(data):
    again.write(hash_of(data), at, data[at : at + 3000])
assert again.finish(hash_of(data)) and again.has(hash_of(whole[0]))
"""


def test_a_disk_of_half_a_megabyte(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    child = SMALL_DISK.format(path=[p for p in sys.path if p], folder=str(folder / "cache"))
    mount = 'mount -t tmpfs -o size=512k none "$0" && exec "$1" -c "$2"'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount, str(folder), sys.executable, child],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode and ("unshare" in done.stderr or "mount" in done.stderr):
        pytest.skip("no disk can be mounted here")
    assert done.returncode == 0, done.stderr
    assert "No space left" in done.stdout


class PowerCut(BaseException):
    """The box has no power any more."""


class Disk:
    """Cuts the power at the n-th thing that is done to the disk, and then loses what was not
    flushed: the file's end is missing, or zeros, as a real disk may have it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int, torn: str) -> None:
        self.left = after
        self.torn = torn
        self.unflushed: dict[int, tuple[int, int]] = {}
        for name in ("pwrite", "fdatasync", "fsync", "replace", "unlink", "truncate"):
            monkeypatch.setattr(os, name, self._cutting(name, getattr(os, name)))

    def _cutting(self, name: str, really: Any) -> Any:
        def operation(*args: Any, **kwargs: Any) -> Any:
            if self.left <= 0:
                raise PowerCut
            self.left -= 1
            if self.left == 0:
                if name == "pwrite":
                    file, view, offset = args
                    if self.torn == "zeros":
                        really(file, bytes(len(view)), offset)
                    elif self.torn == "half":
                        really(file, bytes(view)[: len(view) // 2], offset)
                raise PowerCut
            return really(*args, **kwargs)

        return operation


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    cuts=st.lists(st.tuples(st.integers(1, 14), st.sampled_from(["zeros", "half", "nothing"])),
                  max_size=8),
    piece=st.sampled_from([700, 3000]),
)  # fmt: skip
def test_power_cuts_at_any_write_leave_a_cache_that_works(
    cuts: list[tuple[int, str]], piece: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    kept, coming = opus_file(1, 50), opus_file(2, 120)
    fetch(Cache(folder, 10**9), kept)
    for after, torn in cuts:
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, after, torn)
            try:
                cache = Cache(folder, 10**9)
                for _ in range(3):
                    if cache.has(hash_of(coming)) or fetch(cache, coming, piece):
                        break
            except PowerCut:
                pass
        cache = Cache(folder, 10**9)
        assert cache.bytes_of(hash_of(kept)) == kept
        if cache.has(hash_of(coming)):
            assert cache.bytes_of(hash_of(coming)) == coming
    cache = Cache(folder, 10**9)
    for _ in range(2):  # where zeros were left behind, the first try finds that out
        if cache.has(hash_of(coming)) or fetch(cache, coming, piece):
            break
    assert cache.bytes_of(hash_of(coming)) == coming
