"""Commands, good and bad ones, for tests of those who obey."""

from __future__ import annotations

from loa.codecs.control.messages import Command
from loa.codecs.control.orders import Action, Order, Volume, encode_order
from loa.codecs.control.signing import Purpose, SigningKey
from loa.receivers.orders import Bound

SERVER = SigningKey(bytes(range(32)))
NONCE, OTHER_NONCE = bytes(32), bytes([1]) * 32
HERE = Bound(7, NONCE, (SERVER.public,))
NOW = 1_790_000_000.0


def command(
    number: int = 1,
    action: Action | None = None,
    *,
    receiver: int = 7,
    session: bytes = NONCE,
    issued: float = NOW,
    expires: float = NOW + 60,
    key: SigningKey = SERVER,
    purpose: Purpose = Purpose.COMMAND,
) -> Command:
    body = encode_order(
        Order(
            receiver=receiver, session=session, number=number, issued=issued, expires=expires,
            action=action or Volume(percent=50),  # type: ignore[arg-type]
        )
    )  # fmt: skip
    return Command(body=body, signature=key.sign(purpose, body))
