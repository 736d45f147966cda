"""The server's identity for its receivers: an Ed25519 key that outlives certificates and machines.

It lies in ``keys/receivers.json`` of the data directory, is made at the first start, and goes into
every backup. ``rotate`` makes a new one; the former stays good for an overlap, in which every box
that trusts it is told its successor.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loa.codecs.control.messages import Identity, Successor
from loa.codecs.control.signing import PublicKey, Purpose, SigningKey
from loa.streamer.air.state import StateError
from loa.streamer.files import write_atomically

FILE = Path("keys") / "receivers.json"
MOST_FORMER = 3
"""A challenge holds four identities."""


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    secret: bytes
    made_at: float
    until: float | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``keys``: the present one first."""

    keys: tuple[_Kept, ...]


@dataclass(frozen=True, slots=True)
class Former:
    """An identity that was; good until ``until`` (Unix seconds)."""

    key: SigningKey
    until: float


class ServerIdentity:
    """The present key and the former ones. Make one by ``load``."""

    def __init__(self, path: Path, kept: tuple[_Kept, ...]) -> None:
        self._path = path
        self._kept = kept
        self._keys = [SigningKey(k.secret) for k in kept]
        self._signed: dict[tuple[bytes, bytes], bytes] = {}

    @classmethod
    def load(cls, data: Path, now: float) -> ServerIdentity:
        """Read it, or make it at a first start. Raises ``StateError`` with advice."""
        path = data / FILE
        try:
            said = path.read_bytes()
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                path.chmod(0o600)
        except FileNotFoundError:
            made = (_Kept(SigningKey.generate().secret, now),)
            _write(path, made)
            return cls(path, made)
        except OSError as error:
            raise StateError(f"{path} cannot be read ({error.strerror}).") from None
        return cls._of(path, said)

    @classmethod
    def read(cls, path: Path) -> ServerIdentity:
        """Read it where it is, and change nothing. Raises ``StateError`` with advice."""
        try:
            return cls._of(path, path.read_bytes())
        except OSError as error:
            raise StateError(f"{path} cannot be read ({error.strerror}).") from None

    @classmethod
    def _of(cls, path: Path, said: bytes) -> ServerIdentity:
        try:
            kept = msgspec.json.decode(said, type=_File).keys
            if not kept:
                raise ValueError("no key")
            return cls(path, kept)
        except (msgspec.DecodeError, ValueError):
            raise StateError(
                f"{path} holds no identity. All receivers trust the one that it held: restore it "
                "from a backup. If it is moved away a new one is made, and every receiver has to "
                "be enrolled again."
            ) from None

    @property
    def key(self) -> SigningKey:
        """The present key."""
        return self._keys[0]

    @property
    def made_at(self) -> float:
        """When the present key was made (Unix seconds)."""
        return self._kept[0].made_at

    def former(self, now: float) -> list[Former]:
        """Return the former ones that still are good."""
        pairs = zip(self._kept[1:], self._keys[1:], strict=True)
        return [Former(key, k.until) for k, key in pairs if k.until is not None and k.until > now]

    def good(self, now: float) -> list[SigningKey]:
        """Return the keys that a box may trust: the present one, then former ones."""
        return [self.key, *(former.key for former in self.former(now))]

    def trusted(self, public: bytes, now: float) -> SigningKey:
        """Return the key that a box trusts, the present one if that is none of the good ones."""
        return next((key for key in self.good(now) if key.public.data == public), self.key)

    def identities(self, certificate: bytes, now: float) -> tuple[Identity, ...]:
        """Return what a ``Challenge`` says; ``certificate``: SHA-256 of its public key."""
        return tuple(
            Identity(key=key.public.data, signature=self._signature(key, certificate))
            for key in self.good(now)
        )

    def successor(self, trusted: PublicKey, now: float) -> Successor | None:
        """Return what tells a box that trusts a former identity of the present one."""
        if trusted == self.key.public:
            return None
        for former in self.former(now):
            if former.key.public == trusted:
                key = self.key.public.data
                return Successor(
                    key=key, by=trusted.data, signature=former.key.sign(Purpose.SUCCESSOR, key)
                )
        return None

    def rotate(self, now: float, overlap: float) -> None:
        """Make a new identity; the present one is good for ``overlap`` seconds more.

        Raises ``OSError`` when it cannot be written; nothing has changed then.
        """
        first = _Kept(self._kept[0].secret, self._kept[0].made_at, now + overlap)
        former = [k for k in (first, *self._kept[1:]) if k.until is not None and k.until > now]
        kept = (_Kept(SigningKey.generate().secret, now), *former[:MOST_FORMER])
        _write(self._path, kept)
        self._kept = kept
        self._keys = [SigningKey(k.secret) for k in kept]
        self._signed.clear()

    def _signature(self, key: SigningKey, certificate: bytes) -> bytes:
        # Ed25519 gives the same signature each time; a renewed certificate is rare.
        name = (key.public.data, certificate)
        if name not in self._signed:
            if len(self._signed) > 16:
                self._signed.clear()
            self._signed[name] = key.sign(Purpose.CERTIFICATE, certificate)
        return self._signed[name]


def _write(path: Path, kept: tuple[_Kept, ...]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_atomically(path, msgspec.json.encode(_File(kept)))
