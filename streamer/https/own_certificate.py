"""The certificate of the TLS port that is opened beside a main port without TLS.

Boxes do not check who issued it: they trust the server's identity, which signs this certificate's
key at the beginning of each session. Browsers do check, so where ``loa https`` made an authority
for the office, it is the issuer; else the certificate signs itself. It is no secret worth a backup,
and is made anew when it is gone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from loa.streamer import logs
from loa.streamer.files import write_atomically
from loa.streamer.https import office as offices
from loa.streamer.https.authority import Pair
from loa.streamer.https.office import Office, OfficeError

FOLDER = "receivers"
CERT, KEY = "tls.crt", "tls.key"
DAYS = 397
RENEW = timedelta(days=30)
"""Before its end."""
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Loa receivers")])

log = logs.get("fleet")


def ensure(data: Path, now: float) -> tuple[Path, Path]:
    """Return the files of certificate and key, made or renewed where needed. Raises ``OSError``."""
    folder = data / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    cert, key = folder / CERT, folder / KEY
    at = datetime.fromtimestamp(now, UTC)
    office = _office(data)
    if not _good(cert, key, at, office):
        made = _made(data, office, now)
        # Nobody can speak for boxes with it, so one of ours that still holds is better than none.
        if made is None and not _good(cert, key, at, None):
            made = _own(at)
        if made is not None:
            for path, content in ((key, made.key), (cert, made.cert)):
                write_atomically(path, content)
                offices.give(path, data)
            offices.give(folder, data)
    return cert, key


def _office(data: Path) -> Office | None:
    try:
        return offices.read(data)
    except OfficeError as error:
        log.error("the office's HTTPS cannot be used", why=str(error))
        return None


def _made(data: Path, office: Office | None, now: float) -> Pair | None:
    """Return a certificate by the office's authority; None where there is no such."""
    if office is None:
        return None
    try:
        return offices.certificate(data, office, now)
    except OfficeError as error:
        log.error("the certificate of the office cannot be renewed", why=str(error))
        return None


def _good(cert: Path, key: Path, at: datetime, office: Office | None) -> bool:
    if not key.exists():
        return False
    try:
        there = x509.load_pem_x509_certificate(cert.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    if office is not None and not office.fits(there):
        return False
    return there.not_valid_before_utc <= at < there.not_valid_after_utc - RENEW


def _own(at: datetime) -> Pair:
    secret = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks differ, and a server's may have been put right.
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=DAYS))
        .sign(secret, hashes.SHA256())
    )
    key = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(made.public_bytes(Encoding.PEM), key)
