"""An authority that can vouch for one office only, and the certificates that it gives. Pure.

Whoever trusts an authority believes it about every name that it may vouch for. So it carries name
constraints (RFC 5280, 4.2.1.10): the names that were asked for, suffixes that are nobody's on the
Internet, and private addresses. A key that was stolen from here forges no bank.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
DAYS = 397
"""Of a server's certificate; some devices take none that is good for more than 825 days."""
MOST_NAMES = 20
SUFFIXES = ("home.arpa", "internal", "lan", "local", "localhost")
"""Names below these lead nowhere on the Internet (RFC 6761, 6762, 8375)."""
NETWORKS = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
    "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128",
)  # fmt: skip
"""Private addresses."""
HERE = ("localhost",), ("127.0.0.1", "::1")
"""Names and addresses that every certificate has: the server's own machine."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Key = ec.EllipticCurvePrivateKey


class BadName(ValueError):
    """Not a name or an address of a server; the text says why."""


def name_of(text: str) -> str:
    """Return a host name as it is compared. Raises ``BadName``."""
    name = text.strip().lower().rstrip(".")
    if _is_address(name):
        raise BadName(f"{text} is an address: give it with --address")
    if not _NAME.fullmatch(name):
        raise BadName(f"{text!r} is no name of a server: letters a-z, digits, hyphens and dots")
    if name.rpartition(".")[2].isdigit():
        raise BadName(f"{text!r} is neither a name nor a whole address")
    return name


def address_of(text: str) -> str:
    """Return an address in its shortest form. Raises ``BadName``."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        raise BadName(f"{text!r} is no address such as 192.168.1.10") from None
    if address.is_unspecified or address.is_multicast:
        raise BadName(f"{text} is no address of a machine")
    return str(address)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM."""

    cert: bytes
    key: bytes


def make_authority(names: tuple[str, ...], addresses: tuple[str, ...], now: float) -> Pair:
    """Make an authority for these names and addresses, and for whatever is private."""
    at = datetime.fromtimestamp(now, UTC)
    secret = ec.generate_private_key(ec.SECP256R1())
    title = f"Loa {(names or addresses)[0]} {at:%Y-%m-%d}"[:64]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    single = [a for a in addresses if not _private(a)]
    permitted: list[x509.GeneralName] = [
        x509.DNSName(name) for name in dict.fromkeys((*names, *SUFFIXES))
    ]
    permitted += [x509.IPAddress(ipaddress.ip_network(n)) for n in (*NETWORKS, *single)]
    made = (
        _begin(subject, subject, secret, at, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(secret.public_key()), False)
        .sign(secret, hashes.SHA256())
    )
    return _pair(made, secret)


def make_certificate(
    authority: Pair, names: tuple[str, ...], addresses: tuple[str, ...], now: float
) -> Pair:
    """Have an authority vouch for a new key of a server. Raises ``ValueError`` for broken PEM."""
    at = datetime.fromtimestamp(now, UTC)
    above = x509.load_pem_x509_certificate(authority.cert)
    signer = load_pem_private_key(authority.key, None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is of another kind")
    if signer.public_key() != above.public_key():
        raise ValueError("the authority's key and certificate do not fit together")
    secret = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (names or addresses)[0][:64])])
    days = min(DAYS, (above.not_valid_after_utc - at).days)
    made = (
        _begin(subject, above.subject, secret, at, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(x509.SubjectAlternativeName(_all_names(names, addresses)), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(secret.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
        .sign(signer, hashes.SHA256())
    )
    return _pair(made, secret)


def fits(
    cert: x509.Certificate,
    authority: x509.Certificate,
    names: tuple[str, ...],
    addresses: tuple[str, ...],
) -> bool:
    """Say whether this authority gave a certificate, for these names and no others."""
    try:
        cert.verify_directly_issued_by(authority)
        said = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # another issuer, another kind of signature, no names: not ours
        return False
    return set(said) == set(_all_names(names, addresses))


def covers(authority: x509.Certificate, names: tuple[str, ...], addresses: tuple[str, ...]) -> bool:
    """Say whether an authority may vouch for all of these."""
    try:
        said = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    suffixes, networks = [], []
    for one in said.permitted_subtrees or []:
        if isinstance(one, x509.DNSName):
            suffixes.append(one.value)
        elif isinstance(one, x509.IPAddress):
            networks.append(one.value)
    return all(
        any(name == suffix or name.endswith(f".{suffix}") for suffix in suffixes) for name in names
    ) and all(
        any(ipaddress.ip_address(a) in ipaddress.ip_network(str(n)) for n in networks)
        for a in addresses
    )


def fingerprint(cert: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate as people compare it: ``AB:CD:…``."""
    return cert.fingerprint(hashes.SHA256()).hex(":").upper()


def _private(address: str) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(n) for n in NETWORKS)


def _all_names(names: tuple[str, ...], addresses: tuple[str, ...]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = [
        x509.DNSName(name) for name in dict.fromkeys((*names, *HERE[0]))
    ]
    found += [
        x509.IPAddress(ipaddress.ip_address(a)) for a in dict.fromkeys((*addresses, *HERE[1]))
    ]
    return found


def _begin(
    subject: x509.Name, issuer: x509.Name, secret: Key, at: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks differ, and a server's may have been put right.
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=days))
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates, key_cert_sign=certificates, crl_sign=certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _pair(cert: x509.Certificate, secret: Key) -> Pair:
    key = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Pair(cert.public_bytes(Encoding.PEM), key)
