"""The server's identity as a file."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from loa.codecs.control.signing import Purpose
from loa.streamer.air.state import StateError
from loa.streamer.fleet.identity import BACKED_UP, FILE, ServerIdentity, note_backup
from support.handshake import CERTIFICATE, NOW


def test_it_is_made_once_for_nobody_else_to_read(tmp_path: Path) -> None:
    made = ServerIdentity.load(tmp_path, NOW)
    assert made.made_at == NOW
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / FILE).parent.stat().st_mode) == 0o700
    assert ServerIdentity.load(tmp_path, NOW + 1).key.public == made.key.public


def test_a_file_that_others_could_read_is_closed(tmp_path: Path) -> None:
    ServerIdentity.load(tmp_path, NOW)
    (tmp_path / FILE).chmod(0o644)
    ServerIdentity.load(tmp_path, NOW)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys":[]}', b'{"keys":[{"secret":"AA=="}]}'])
def test_a_damaged_one_is_never_replaced_by_itself(tmp_path: Path, content: bytes) -> None:
    ServerIdentity.load(tmp_path, NOW)
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StateError, match="restore it"):
        ServerIdentity.load(tmp_path, NOW)
    assert (tmp_path / FILE).read_bytes() == content


def test_it_signs_the_certificate_that_is_asked_for(tmp_path: Path) -> None:
    identity = ServerIdentity.load(tmp_path, NOW)
    for number in range(40):  # more renewals than are kept
        certificate = bytes([number]) * 32
        [said] = identity.identities(certificate, NOW)
        assert identity.key.public.verifies(Purpose.CERTIFICATE, certificate, said.signature)
        assert not identity.key.public.verifies(Purpose.CERTIFICATE, CERTIFICATE, said.signature)


def test_one_that_is_prepared_is_said_after_the_present_one_and_kept(tmp_path: Path) -> None:
    identity = ServerIdentity.load(tmp_path, NOW)
    for _ in range(3):
        identity.rotate(NOW, 90.0)
    present, *former = [i.key for i in identity.identities(CERTIFICATE, NOW)]
    identity.prepare(NOW)
    again = ServerIdentity.load(tmp_path, NOW)
    assert again.prepared is not None
    prepared = again.prepared.public
    assert [i.key for i in again.identities(CERTIFICATE, NOW)] == [
        present, prepared.data, *former[:2],
    ]  # fmt: skip
    # It is signed by nobody before it is used.
    assert again.successor(again.key.public, NOW) is None
    again.rotate(NOW, 90.0)
    assert again.key.public == prepared and again.prepared is None


def test_it_is_in_a_backup_as_long_as_it_is_the_same(tmp_path: Path) -> None:
    identity = ServerIdentity.load(tmp_path, NOW)

    def note() -> None:
        digest = hashlib.sha256((tmp_path / FILE).read_bytes()).hexdigest()
        note_backup(tmp_path, digest, "loa.tar.gz", NOW)

    assert not identity.in_backup()
    note()
    assert identity.in_backup()
    identity.prepare(NOW)
    assert not identity.in_backup()
    note()
    assert identity.in_backup()
    (tmp_path / BACKED_UP).write_bytes(b"{}")
    assert not identity.in_backup()


def test_when_a_new_one_cannot_be_written_the_former_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = ServerIdentity.load(tmp_path, NOW)
    before = identity.key.public

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("loa.streamer.fleet.identity.write_atomically", full)
    with pytest.raises(OSError, match="No space"):
        identity.rotate(NOW, 90.0)
    assert identity.key.public == before
    assert ServerIdentity.load(tmp_path, NOW).key.public == before
