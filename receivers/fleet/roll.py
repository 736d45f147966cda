"""Who the simulated receivers are: enrolled as boxes are, each with a small state directory.

The directories lie in memory (``/dev/shm``) unless said otherwise; what a box must not lose in a
power cut is in its own.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from loa.codecs.control import messages
from loa.codecs.control.codes import Code, CodeError
from loa.codecs.control.messages import Enrolled, MessageError, Refused
from loa.codecs.control.signing import SigningKey
from loa.receivers.handshake import HandshakeError
from loa.receivers.identity import BoxIdentity, IdentityError, Kept
from loa.receivers.wire import context, opened

AT_ONCE = 32
"""Boxes that are enrolled at a time."""
TRIES = 5
MEMORY = Path("/dev/shm")


def place(root: Path, number: int) -> Path:
    """Return the state directory of a receiver."""
    return root / f"{number:05d}"


def known(root: Path, most: int) -> list[int]:
    """Return the numbers of the receivers that are enrolled there already, at most so many."""
    found = []
    for number in range(most):
        try:
            BoxIdentity.load(place(root, number))
        except IdentityError:
            continue
        found.append(number)
    return found


async def enrol_all(
    server: str, codes: Sequence[tuple[int, str]], root: Path, tell: Callable[[int], None]
) -> list[str]:
    """Enrol the receivers (number, code) at ``wss://host:port``; return what went wrong.

    ``tell`` is called with how many are done, after each.
    """
    tls, turn, done = context(), asyncio.Semaphore(AT_ONCE), 0
    problems: list[str] = []

    async def one(number: int, text: str) -> None:
        nonlocal done
        async with turn:
            for attempt in range(TRIES):
                try:
                    await _enrol(server, Code.parse(text), place(root, number), number, tls)
                    break
                except (OSError, HandshakeError, CodeError, TimeoutError) as error:
                    if attempt == TRIES - 1:
                        problems.append(f"receiver {number}: {error or type(error).__name__}")
                    await asyncio.sleep(0.5 * (attempt + 1))
            done += 1
            tell(done)

    await asyncio.gather(*(one(number, text) for number, text in codes))
    return problems


async def _enrol(
    server: str, code: Code, state: Path, number: int, tls: ssl.SSLContext
) -> BoxIdentity:
    key = SigningKey.generate()
    async with opened(server, code.trusts, tls) as there, asyncio.timeout(30):
        asked = there.shake.enrol(
            code.secret_text, key, software="loa fleet", hardware="simulated",
            serial=f"fleet-{number}",
        )  # fmt: skip
        await there.socket.send_str(messages.encode(asked).decode())
        try:
            answer = messages.from_server(await there.socket.receive_str())
        except (TypeError, MessageError) as error:
            raise HandshakeError(f"the enrolment was not answered: {error}") from None
        if not isinstance(answer, Enrolled):
            why = answer.why or answer.code if isinstance(answer, Refused) else "no answer to it"
            raise HandshakeError(f"the enrolment was refused: {why}")
        assert there.shake.server is not None
        return BoxIdentity.enrolled(
            state,
            Kept(
                server=server, receiver=answer.receiver, name=answer.name, area=answer.area,
                servers=(there.shake.server.data,), key=key.secret, made_at=there.shake.unix,
            ),
        )  # fmt: skip
