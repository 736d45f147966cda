"""Who the box is, and whom it trusts: a small file that only its owner can read.

Every change is on the disk before anything depends on it, so that whenever the power fails, what is
left is enough to connect.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
from msgspec.structs import replace

from loa.codecs.control.signing import PublicKey, SigningKey
from loa.receivers import home
from loa.receivers.files import write_durably

FILE = "identity.json"
PENDING = "enrolment.json"
MOST_FORMER = 2


class IdentityError(Exception):
    """The box's identity cannot be used; the text says why and what to do."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds. ``servers``: the server's identities that are trusted, newest first.

    ``next``: the key that the box is going over to; ``next_kept``: the server said that it has it.
    ``former``: keys that were, newest first; a server that was restored from a backup may still
    want one. ``made_at``: when ``key`` was made, by the server's clock; 0: unknown. ``home``: the
    folder of what belongs to this enrolment, below the state; empty: the state folder itself.
    ``area_id``: the area's, as it was then; 0: unknown.
    """

    server: str
    receiver: int
    name: str
    area: str
    servers: tuple[bytes, ...]
    key: bytes
    made_at: float = 0.0
    next: bytes | None = None
    next_kept: bool = False
    former: tuple[bytes, ...] = ()
    home: str = ""
    area_id: int = 0


class Pending(msgspec.Struct, frozen=True):
    """A key that was made for an enrolment of which the box does not know whether it worked."""

    secret: str
    key: bytes


def default_state() -> Path:
    """Return where the box keeps its state, unless it is told otherwise."""
    if given := os.environ.get("LOA_RECEIVER_STATE"):
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/loa-receiver")
    return Path.home() / ".local" / "state" / "loa-receiver"


class BoxIdentity:
    """The file and what it holds. Make one by ``load`` or ``enrolled``."""

    def __init__(self, path: Path, kept: Kept) -> None:
        self._path = path
        self.kept = kept
        self._keys: tuple[Kept, list[SigningKey]] | None = None

    @classmethod
    def load(cls, state: Path) -> BoxIdentity:
        """Read it from the state directory. Raises ``IdentityError``."""
        path = state / FILE
        said = _read(path)
        if said is None:
            raise IdentityError(
                f"this box is not enrolled (there is no {path}): loa receiver enrol SERVER CODE"
            )
        try:
            kept = msgspec.json.decode(said, type=Kept)
            for key in (kept.key, *kept.former, *([kept.next] if kept.next else [])):
                SigningKey(key)
            if not [PublicKey(server) for server in kept.servers]:
                raise ValueError("no server")
        except (msgspec.DecodeError, ValueError):
            raise IdentityError(f"{path} is damaged: enrol the box anew") from None
        return cls(path, kept)

    @classmethod
    def enrolled(cls, state: Path, kept: Kept) -> BoxIdentity:
        """Write the identity of a box that was just enrolled, and forget what it was before.

        The same receiver of the same server keeps what is its own. Raises ``OSError``.
        """
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            before = cls.load(state).kept
        except IdentityError:
            before = None
        if (
            before is not None
            and before.receiver == kept.receiver
            and not set(before.servers).isdisjoint(kept.servers)
        ):
            named = before.home
        else:
            named = home.name_of(kept.receiver, kept.servers[0])
        kept = replace(kept, home=named)
        identity = cls(state / FILE, kept)
        identity.save(kept)
        home.tidy(state, named)
        return identity

    @property
    def home(self) -> Path:
        """The folder of what belongs to this enrolment alone; it may not be there yet."""
        return self._path.parent / self.kept.home

    def save(self, kept: Kept) -> None:
        """Have this on the disk, then in use. Raises ``OSError``; nothing has changed then."""
        write_durably(self._path, msgspec.json.encode(kept))
        self.kept = kept

    # --- the server's

    def trusts(self, server: PublicKey) -> bool:
        """Say whether this is an identity of the box's own server."""
        return server.data in self.kept.servers

    def server_is(self, server: PublicKey) -> None:
        """A session began with this identity: former ones are trusted no more."""
        at = self.kept.servers.index(server.data)
        if at < len(self.kept.servers) - 1:
            self.save(replace(self.kept, servers=self.kept.servers[: at + 1]))

    def successor(self, server: PublicKey) -> None:
        """Trust the server's next identity, too."""
        if server.data not in self.kept.servers:
            self.save(replace(self.kept, servers=(server.data, *self.kept.servers)[:4]))

    # --- the box's own

    @property
    def keys(self) -> list[SigningKey]:
        """The keys to try, the likeliest first."""
        kept = self.kept
        if self._keys is not None and self._keys[0] is kept:
            return self._keys[1]
        present = [kept.key]
        if kept.next is not None:
            present = [kept.next, kept.key] if kept.next_kept else [kept.key, kept.next]
        # (Whoever signs asks each time, and to make a key is as dear as to sign.)
        keys = [SigningKey(key) for key in (*present, *kept.former)]
        self._keys = kept, keys
        return keys

    def announce(self, now: float) -> tuple[SigningKey, SigningKey]:
        """Return the present key and the next one, made if there is none yet.

        ``now``: the server's clock.
        """
        kept = self.kept
        if kept.next is None:
            made = SigningKey.generate().secret
            self.save(replace(kept, next=made, next_kept=False, made_at=now))
        assert self.kept.next is not None
        return SigningKey(self.kept.key), SigningKey(self.kept.next)

    def next_kept(self, key: PublicKey) -> bool:
        """The server has the next key; False if that is another one."""
        kept = self.kept
        if kept.next is None or SigningKey(kept.next).public != key:
            return False
        if not kept.next_kept:
            self.save(replace(kept, next_kept=True))
        return True

    def worked(self, key: SigningKey) -> None:
        """A session began with this key: go over to it."""
        kept = self.kept
        if key.secret == kept.key:
            return
        if key.secret == kept.next:
            former = (kept.key, *kept.former)[:MOST_FORMER]
            self.save(replace(kept, key=kept.next, next=None, next_kept=False, former=former))
            return
        # The server was restored from a backup: it knows a former key only, and is told again.
        newest = kept.next or kept.key
        former = tuple(k for k in (kept.key, *kept.former) if k not in (key.secret, newest))
        self.save(replace(kept, key=key.secret, next=newest, next_kept=False, former=former))


def pending_key(state: Path, secret: str) -> SigningKey:
    """Return the key to enrol with by a code: the same one as long as that did not work.

    A box that lost its power after the server had enrolled it asks again with it. Raises
    ``OSError``, ``IdentityError``.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state / PENDING
    if (said := _read(path)) is not None:
        try:
            pending = msgspec.json.decode(said, type=Pending)
            if pending.secret == secret:
                return SigningKey(pending.key)
        except (msgspec.DecodeError, ValueError):
            pass
    key = SigningKey.generate()
    write_durably(path, msgspec.json.encode(Pending(secret, key.secret)))
    return key


def enrolment_done(state: Path) -> None:
    """Forget the key of an enrolment that is over."""
    (state / PENDING).unlink(missing_ok=True)


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise IdentityError(
                    f"{path} can be read by others than its owner (mode {mode:o}): its key may "
                    "be known. Revoke this box and enrol it anew, or, if you are sure: "
                    f"chmod 600 {path}"
                )
            return file.read(64 * 1024)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityError(f"{path} cannot be read: {error.strerror}") from None
