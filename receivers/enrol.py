"""``loa receiver enrol``: the box makes its key, proves the server by the code, and is enrolled."""

from __future__ import annotations

import asyncio
import functools
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from loa.codecs.control import messages
from loa.codecs.control.codes import Code
from loa.codecs.control.messages import Enrolled, MessageError, Refused
from loa.codecs.control.signing import SigningKey
from loa.receivers import identity
from loa.receivers.handshake import HandshakeError
from loa.receivers.identity import BoxIdentity, Kept
from loa.receivers.wire import Unreachable, context, opened

WITHIN = 20.0


class NotEnrolled(Exception):
    """The server refused; the text says why."""


async def enrol(
    servers: Sequence[str],
    code: Code,
    state: Path,
    *,
    hardware: str | None = None,
    serial: str | None = None,
) -> BoxIdentity:
    """Enrol this box at the first of these addresses that answers; its identity is on the disk.

    What it was before is forgotten (``home``); no box may run on this state (``alone``). Raises
    ``NotEnrolled``, ``HandshakeError``, ``OSError`` and ``IdentityError``.
    """
    key = identity.pending_key(state, code.secret_text)
    error: HandshakeError | None = None
    for server in servers:
        try:
            async with asyncio.timeout(2 * WITHIN):
                done = await _enrol_at(server, code, key, state, hardware, serial)
        except Unreachable as unreachable:
            error = error or unreachable
        except TimeoutError:
            error = error or Unreachable("the server does not answer")
        else:
            identity.enrolment_done(state)
            return done
    assert error is not None, "no address"
    raise error


async def _enrol_at(
    server: str, code: Code, key: SigningKey, state: Path, hardware: str | None, serial: str | None
) -> BoxIdentity:
    async with opened(server, code.trusts, context()) as connection:
        asked = connection.shake.enrol(
            code.secret_text, key, software=software(),
            hardware=hardware if hardware is not None else board(),
            serial=serial if serial is not None else board_serial(),
        )  # fmt: skip
        await connection.socket.send_str(messages.encode(asked).decode())
        try:
            async with asyncio.timeout(WITHIN):
                answer = messages.from_server(await connection.socket.receive_str())
        except (TimeoutError, TypeError, MessageError):
            raise Unreachable("the server did not answer the enrolment: try again") from None
        if isinstance(answer, Refused):
            raise NotEnrolled(answer.why or answer.code)
        if not isinstance(answer, Enrolled):
            raise Unreachable("the server did not answer the enrolment: try again")
        assert connection.shake.server is not None
        return BoxIdentity.enrolled(
            state,
            Kept(
                server=server, receiver=answer.receiver, name=answer.name, area=answer.area,
                servers=(connection.shake.server.data,), key=key.secret,
                made_at=connection.shake.unix, area_id=answer.area_id,
            ),
        )  # fmt: skip


@functools.cache  # looking it up takes longer than a handshake
def software() -> str:
    """Return what the box says of its software."""
    return f"loa {version('loa')}"


def board() -> str:
    """Return the name of the board, as far as the kernel knows it."""
    return _device_tree("model") or platform.machine()


def board_serial() -> str:
    """Return the board's serial number, empty where there is none."""
    return _device_tree("serial-number")


def _device_tree(name: str) -> str:
    try:
        said = Path("/proc/device-tree", name).read_bytes()
    except OSError:
        return ""
    return said.rstrip(b"\x00").decode(errors="replace")[:200]
