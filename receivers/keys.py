"""The keys of box and server go over to their successors while a session lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.messages import FromServer, Message, Rotate, Rotated, Successor, Welcome
from loa.codecs.control.signing import PublicKey, Purpose
from loa.receivers.identity import BoxIdentity

ROTATE_AFTER = 180 * 86_400.0


class Keys:
    """A part (``parts.Part``). ``send`` is the line's."""

    takes: Sequence[type[Message | Audio | Piece]] = (Rotated, Successor)

    def __init__(
        self,
        identity: BoxIdentity,
        send: Callable[[Message], bool],
        rotate_after: float = ROTATE_AFTER,
    ) -> None:
        self._identity = identity
        self._send = send
        self._rotate_after = rotate_after

    def welcomed(self, welcome: Welcome) -> None:
        """Announce the next key when it is time, or was announced and not answered."""
        kept = self._identity.kept
        if kept.next is not None or welcome.unix - kept.made_at > self._rotate_after:
            self.rotate(welcome.unix)

    def rotate(self, now: float) -> None:
        """Announce the next key. ``now``: the server's clock. Raises ``OSError``."""
        old, new = self._identity.announce(now)
        text = new.public.data
        self._send(
            Rotate(
                key=text,
                by_old=old.sign(Purpose.SUCCESSOR, text),
                by_new=new.sign(Purpose.SUCCESSOR, text),
            )
        )

    def parted(self) -> None:
        """Nothing is to be done."""

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        """Take what the server says of its key, and of ours."""
        if isinstance(message, Rotated):
            self._identity.next_kept(PublicKey(message.key))
        elif isinstance(message, Successor):
            by = PublicKey(message.by)
            if self._identity.trusts(by) and by.verifies(
                Purpose.SUCCESSOR, message.key, message.signature
            ):
                self._identity.successor(PublicKey(message.key))
