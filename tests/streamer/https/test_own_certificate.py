"""The certificate that the server makes for its receivers, and keys of certificates."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from certificates import make_certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from loa.codecs.control.certificates import CertificateError, key_hash, key_hash_of_pem
from loa.streamer.counters import Counters
from loa.streamer.https import own_certificate
from loa.streamer.ingest.tls import Certificate, KnownContext

DAY = 86_400.0
NOW = 1_790_000_000.0


def key_of(cert: Path) -> bytes:
    return key_hash_of_pem(cert.read_bytes())


def test_it_is_made_once_and_renewed_before_its_end(tmp_path: Path) -> None:
    cert, key = own_certificate.ensure(tmp_path, NOW)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    first = key_of(cert)
    own_certificate.ensure(tmp_path, NOW + 300 * DAY)
    assert key_of(cert) == first
    own_certificate.ensure(tmp_path, NOW + 368 * DAY)
    assert key_of(cert) != first
    # A clock that was a year ahead when it was made, and was put right.
    second = key_of(cert)
    own_certificate.ensure(tmp_path, NOW)
    assert key_of(cert) != second


@pytest.mark.parametrize("what", ["tls.crt", "tls.key"])
def test_a_damaged_or_lost_one_is_made_anew(tmp_path: Path, what: str) -> None:
    cert, _ = own_certificate.ensure(tmp_path, NOW)
    first = key_of(cert)
    if what == "tls.crt":
        cert.write_bytes(b"-----BEGIN")
    else:
        (cert.parent / what).unlink()
    own_certificate.ensure(tmp_path, NOW)
    assert key_of(cert) != first


def test_a_connection_knows_the_key_of_its_certificate(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    certificate = Certificate(*files, Counters())
    context = certificate.context(0.0)
    assert isinstance(context, KnownContext) and context.key_hash == key_of(files[0])
    there = x509.load_pem_x509_certificate(files[0].read_bytes())
    der = there.public_bytes(Encoding.DER)
    assert key_hash(der) == context.key_hash
    make_certificate(tmp_path)
    renewed = certificate.context(10.0)
    assert isinstance(renewed, KnownContext) and renewed.key_hash == key_of(files[0])
    assert renewed.key_hash != context.key_hash  # and the one before knows its own, still


@pytest.mark.parametrize("data", [b"", b"x" * 100, b"\x30\x82"])
def test_what_is_no_certificate(data: bytes) -> None:
    for read in (key_hash, key_hash_of_pem):
        with pytest.raises(CertificateError):
            read(data)
