"""The public key of a TLS certificate: what the server's identity signs and the box looks at."""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from loa.codecs.errors import CodecError


class CertificateError(CodecError):
    """A certificate that cannot be read."""


def key_hash(der: bytes) -> bytes:
    """Return the SHA-256 of a certificate's SubjectPublicKeyInfo. Raises ``CertificateError``."""
    try:
        return _hash(x509.load_der_x509_certificate(der))
    except ValueError as error:
        raise CertificateError(f"the certificate cannot be read: {error}") from None


def key_hash_of_pem(pem: bytes) -> bytes:
    """Return the same for the first certificate of a PEM file. Raises ``CertificateError``."""
    try:
        return _hash(x509.load_pem_x509_certificates(pem)[0])
    except (ValueError, IndexError) as error:
        raise CertificateError(f"the certificate cannot be read: {error}") from None


def _hash(certificate: x509.Certificate) -> bytes:
    try:
        key = certificate.public_key()
        info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception as error:  # a kind of key that is not known here has an exception of its own
        raise CertificateError(f"the certificate's key cannot be read: {error}") from None
    return hashlib.sha256(info).digest()
