"""A self-made certificate for the receivers' port, where the server has none of its own.

Nobody checks who issued it: a box trusts the server's identity, which signs this certificate's key
at the beginning of each session. It is no secret worth a backup, and is made anew when it is gone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from loa.streamer.air.state import write_atomically

FOLDER = "receivers"
CERT, KEY = "tls.crt", "tls.key"
DAYS = 397
RENEW = timedelta(days=30)
"""Before its end."""
_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Loa receivers")])


def ensure(data: Path, now: float) -> tuple[Path, Path]:
    """Return the files of certificate and key, made or renewed where needed. Raises ``OSError``."""
    folder = data / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    cert, key = folder / CERT, folder / KEY
    at = datetime.fromtimestamp(now, UTC)
    if not _good(cert, key, at):
        secret = ec.generate_private_key(ec.SECP256R1())
        made = _certificate(secret, at)
        write_atomically(
            key, secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        write_atomically(cert, made.public_bytes(Encoding.PEM))
    return cert, key


def _good(cert: Path, key: Path, at: datetime) -> bool:
    if not key.exists():
        return False
    try:
        there = x509.load_pem_x509_certificate(cert.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return there.not_valid_before_utc <= at < there.not_valid_after_utc - RENEW


def _certificate(secret: ec.EllipticCurvePrivateKey, at: datetime) -> x509.Certificate:
    return (
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
