"""The office's authority in the data directory: made by ``loa https``, read by the server.

``keys/`` is in every backup, so the devices that trust the authority go on doing so when the
server moves to another machine. The server's own certificate is no secret worth that: it lies where
``https.own_certificate`` keeps it and is made anew when it is gone.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from loa.streamer.files import write_atomically
from loa.streamer.https import authority
from loa.streamer.https.authority import Pair

FOLDER = "keys"
CERT, KEY, SETTINGS = "loa-ca.crt", "loa-ca.key", "https.json"
EVERYWHERE = "0.0.0.0"
"""To be reached in the office is what it is for."""


class OfficeError(Exception):
    """It cannot be read or made; the text says what to do."""


class NotCovered(OfficeError):
    """The authority may not vouch for a name that is asked for."""


@dataclass(frozen=True, slots=True)
class Office:
    """What the server is called in its office, and whose word devices take for it."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]
    authority: x509.Certificate
    pem: bytes
    """The authority's certificate: public, to be trusted by the devices of the office."""

    @property
    def called(self) -> tuple[str, ...]:
        """What stands in the address bar: names first."""
        return (*self.names, *self.addresses)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the authority's certificate as people compare it."""
        return authority.fingerprint(self.authority)

    def fits(self, cert: x509.Certificate) -> bool:
        """Say whether a certificate is what this office's server is to show."""
        return authority.fits(cert, self.authority, self.names, self.addresses)


def there(data: Path) -> bool:
    """Say whether ``loa https`` was used here."""
    return (data / FOLDER / SETTINGS).exists()


def read(data: Path) -> Office | None:
    """Return what there is, None for nothing. Raises ``OfficeError``."""
    file = data / FOLDER / SETTINGS
    try:
        said = json.loads(file.read_bytes())
        pem = (data / FOLDER / CERT).read_bytes()
        names = tuple(authority.name_of(name) for name in said["names"])
        addresses = tuple(authority.address_of(one) for one in said["addresses"])
        cert = x509.load_pem_x509_certificate(pem)
    except FileNotFoundError:
        if there(data):
            raise OfficeError(f"{data / FOLDER / CERT} is gone: restore it, or {_AGAIN}") from None
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OfficeError(f"{file} cannot be read ({error}): restore it, or {_AGAIN}") from None
    return Office(names, addresses, cert, pem)


_AGAIN = "begin anew with `loa https --new-authority`"


def settle(
    data: Path,
    names: tuple[str, ...],
    addresses: tuple[str, ...],
    now: float,
    *,
    anew: bool = False,
) -> Office:
    """Have the server called so from now on; make an authority if there is none, or ``anew``.

    Raises ``NotCovered`` where that takes a new authority, which all devices must trust again;
    ``OSError``.
    """
    folder = data / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    before = None if anew else read(data)
    if before is None:
        pair = authority.make_authority(names, addresses, now)
        _write(folder / KEY, pair.key, data)
        _write(folder / CERT, pair.cert, data, 0o644)
    elif not authority.covers(before.authority, names, addresses):
        raise NotCovered(
            "the authority of this office may not vouch for these names: with --new-authority "
            "another one is made, which every device has to be told to trust again"
        )
    said = {"names": list(names), "addresses": list(addresses)}
    _write(folder / SETTINGS, json.dumps(said, indent=1).encode(), data)
    found = read(data)
    assert found is not None
    return found


def certificate(data: Path, office: Office, now: float) -> Pair:
    """Make a certificate for the office's server. Raises ``OfficeError``."""
    key = data / FOLDER / KEY
    try:
        return authority.make_certificate(
            Pair(office.pem, key.read_bytes()), office.names, office.addresses, now
        )
    except (OSError, ValueError) as error:
        raise OfficeError(f"{key} cannot be used ({error}): restore it, or {_AGAIN}") from None


def give(path: Path, data: Path) -> None:
    """Give a file to whom the data directory belongs: the command may be run by root."""
    if os.geteuid() == 0:
        owner = data.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _write(path: Path, content: bytes, data: Path, mode: int = 0o600) -> None:
    write_atomically(path, content, mode)
    give(path, data)
    give(path.parent, data)
