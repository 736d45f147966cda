"""The server's identity for its receivers: an Ed25519 key that outlives certificates and machines.

It lies in ``keys/receivers.json`` of the data directory, is made at the first start, and goes into
every backup. A new one is first prepared, and gone over to (``rotate``) once a backup holds it: for
boxes soon trust nothing else, and a server that was restored without it would have lost them. The
former stays good for an overlap, in which every box that trusts it is told its successor.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loa.codecs.control.messages import Identity, Successor
from loa.codecs.control.signing import PublicKey, Purpose, SigningKey
from loa.streamer.air.state import StateError
from loa.streamer.files import write_atomically

FILE = Path("keys") / "receivers.json"
BACKED_UP = "backed-up.json"
"""In the data directory: what of this the newest backup holds."""
MOST_FORMER = 3
MOST_SAID = 4
"""A challenge holds four identities."""


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    secret: bytes
    made_at: float
    until: float | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``keys``: the present one first. ``next``: the one that is prepared."""

    keys: tuple[_Kept, ...]
    next: _Kept | None = None


class _Note(msgspec.Struct, frozen=True):
    """``identity``: SHA-256 in hex of the file as it went into a backup; ``file`` is that one's
    name, ``made_at`` Unix seconds."""

    identity: str
    file: str
    made_at: float


@dataclass(frozen=True, slots=True)
class Former:
    """An identity that was; good until ``until`` (Unix seconds)."""

    key: SigningKey
    until: float


class ServerIdentity:
    """The present key, the former ones, one that is prepared. Make one by ``load``."""

    def __init__(self, path: Path, file: _File) -> None:
        self._path = path
        self._use(file)
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
            made = _File((_Kept(SigningKey.generate().secret, now),))
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
            file = msgspec.json.decode(said, type=_File)
            if not file.keys:
                raise ValueError("no key")
            return cls(path, file)
        except (msgspec.DecodeError, ValueError):
            raise StateError(
                f"{path} holds no identity. All receivers trust the one that it held: restore it "
                "from a backup. If it is moved away a new one is made, and every receiver has to "
                "be enrolled again."
            ) from None

    def _use(self, file: _File) -> None:
        self._kept = file.keys
        self._keys = [SigningKey(k.secret) for k in file.keys]
        self._next = file.next
        self.prepared = None if file.next is None else SigningKey(file.next.secret)
        """The key that will be gone over to; None: none is prepared."""

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
        """Return what a ``Challenge`` says; ``certificate``: SHA-256 of its public key.

        A box may trust the key that is only prepared here: if the server went over to it once, and
        was restored from a backup that was made before.
        """
        present, *former = self.good(now)
        prepared = [] if self.prepared is None else [self.prepared]
        return tuple(
            Identity(key=key.public.data, signature=self._signature(key, certificate))
            for key in [present, *prepared, *former][:MOST_SAID]
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

    def prepare(self, now: float) -> None:
        """Make the next identity, without using it. Raises ``OSError``; nothing changed then."""
        file = _File(self._kept, _Kept(SigningKey.generate().secret, now))
        _write(self._path, file)
        self._use(file)

    def in_backup(self) -> bool:
        """Whether the newest backup holds all these keys."""
        try:
            note = msgspec.json.decode((self._data / BACKED_UP).read_bytes(), type=_Note)
            return note.identity == hashlib.sha256(self._path.read_bytes()).hexdigest()
        except (OSError, msgspec.DecodeError):
            return False

    @property
    def _data(self) -> Path:
        return self._path.parents[len(FILE.parts) - 1]

    def rotate(self, now: float, overlap: float) -> None:
        """Go over to the identity that is prepared, else to a new one; the present one is good for
        ``overlap`` seconds more.

        Raises ``OSError`` when it cannot be written; nothing has changed then.
        """
        first = _Kept(self._kept[0].secret, self._kept[0].made_at, now + overlap)
        former = [k for k in (first, *self._kept[1:]) if k.until is not None and k.until > now]
        secret = SigningKey.generate().secret if self._next is None else self._next.secret
        file = _File((_Kept(secret, now), *former[:MOST_FORMER]))
        _write(self._path, file)
        self._use(file)
        self._signed.clear()

    def _signature(self, key: SigningKey, certificate: bytes) -> bytes:
        # Ed25519 gives the same signature each time; a renewed certificate is rare.
        name = (key.public.data, certificate)
        if name not in self._signed:
            if len(self._signed) > 16:
                self._signed.clear()
            self._signed[name] = key.sign(Purpose.CERTIFICATE, certificate)
        return self._signed[name]


def note_backup(data: Path, identity: str, file: str, made_at: float) -> None:
    """Write down that a backup holds the file of this SHA-256 (hex). Raises ``OSError``."""
    said = msgspec.json.encode(_Note(identity, file, made_at))
    # Whoever makes backups may be another than who serves.
    write_atomically(data / BACKED_UP, said, 0o644)


def _write(path: Path, file: _File) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_atomically(path, msgspec.json.encode(file))
