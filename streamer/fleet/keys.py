"""Boxes go over to new keys; both are good until the new one was used."""

from __future__ import annotations

from collections.abc import Sequence

from loa.codecs.control.messages import FromBox, Message, Rotate, Rotated
from loa.codecs.control.signing import PublicKey, Purpose
from loa.streamer.desk import receivers
from loa.streamer.desk.desk import Desk
from loa.streamer.fleet.hub import Session
from loa.streamer.fleet.registry import Registry


class Keys:
    """The topic of ``Rotate``."""

    takes: Sequence[type[Message]] = (Rotate,)

    def __init__(self, desk: Desk, registry: Registry) -> None:
        self._desk = desk
        self._registry = registry

    def joined(self, session: Session) -> None:
        """Nothing is to be done."""

    def left(self, session: Session) -> None:
        """Nothing is to be done."""

    async def take(self, session: Session, message: FromBox) -> None:
        """Keep the next key, if the box has it and the present one."""
        assert isinstance(message, Rotate)
        known = await self._registry.get(session.receiver)
        next_key = PublicKey(message.key)
        if (
            known is None
            or not next_key.verifies(Purpose.SUCCESSOR, message.key, message.by_new)
            or not any(
                k.verifies(Purpose.SUCCESSOR, message.key, message.by_old) for k in known.keys
            )
        ):
            session.counters.add("fleet.keys.bad")
            return
        if await receivers.keep_next_key(self._desk, session.receiver, next_key):
            session.send(Rotated(key=message.key))
