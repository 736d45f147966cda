"""``loa receiver enrol``, from what was typed to the exit code."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from loa.codecs.control.codes import Code, CodeError
from loa.receivers.address import AddressError, candidates
from loa.receivers.alone import AnotherRuns, only_one
from loa.receivers.enrol import NotEnrolled, enrol
from loa.receivers.handshake import HandshakeError, Untrusted
from loa.receivers.identity import BoxIdentity, IdentityError, default_state

GOODBYE = 0.1
"""Seconds in which closed TLS connections come to their end before the loop does."""


def run(server: str, typed: str, state: Path | None, *, as_json: bool = False) -> int:
    """Enrol this box; return the exit code: 2 for what was typed wrongly, 1 for what failed."""
    state = state or default_state()
    try:
        code, servers = Code.parse(typed), candidates(server)
    except (CodeError, AddressError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return 2
    try:
        done = asyncio.run(_enrol(servers, code, state))
    except Untrusted as error:
        print(f"loa: {error}", file=sys.stderr)
        print(
            f"  The code is of another server than {server}, or somebody stands in between. The "
            "code was not sent.",
            file=sys.stderr,
        )
        return 1
    except (NotEnrolled, HandshakeError, IdentityError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return 1
    except AnotherRuns as error:
        print(f"loa: {error}", file=sys.stderr)
        print(
            "  Stop it first (systemctl stop loa-receiver), enrol, and start it again.",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        print(f"loa: {state} cannot be written: {error.strerror or error}", file=sys.stderr)
        return 1
    _say(done, state, as_json)
    return 0


async def _enrol(servers: list[str], code: Code, state: Path) -> BoxIdentity:
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(state):
        try:
            return await enrol(servers, code, state)
        finally:
            await asyncio.sleep(GOODBYE)


def _say(done: BoxIdentity, state: Path, as_json: bool) -> None:
    kept = done.kept
    if as_json:
        said = {
            "receiver": kept.receiver, "name": kept.name, "area": kept.area,
            "server": kept.server, "state": str(state),
        }  # fmt: skip
        print(json.dumps(said, ensure_ascii=False))
    else:
        print(f"This box is receiver {kept.receiver}, {kept.name} ({kept.area}).")
        print(f"It belongs to {kept.server}; its key is in {state}.")
