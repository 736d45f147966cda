"""The least that a TLS write can cost from asyncio: ``python -m benchmarks.tls_floor BYTES``.

uvloop, its TLS transports, 500 connections over the loopback interface and the same bytes written
to each of them every 20 ms, a tenth at a time; a child process takes them and does nothing with
them. Prints the CPU in µs of a write, without anything of ours around it.
"""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import signal
import socket
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import cast

import uvloop

from loa.streamer.https import own_certificate

CONNECTIONS, PHASES, ROUNDS = 500, 10, 200


def drain(port: int) -> None:
    """Connect, and throw away what comes, without decrypting it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    found = selectors.EpollSelector()
    for _ in range(CONNECTIONS):
        there = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        there.setblocking(False)
        found.register(there, selectors.EVENT_READ)
    while True:
        time.sleep(0.001)
        for key, _ in found.select(0.1):
            if not os.read(key.fd, 1 << 16):
                return


async def measure(size: int) -> float:
    """Return the µs of a write of so many bytes."""
    transports: list[asyncio.Transport] = []

    class Peer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transports.append(cast(asyncio.Transport, transport))

    with tempfile.TemporaryDirectory() as folder:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*own_certificate.ensure(Path(folder), time.time()))
    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", 0, ssl=context)
    child = os.fork()
    if not child:
        try:
            drain(server.sockets[0].getsockname()[1])
        finally:
            os._exit(0)
    try:
        async with asyncio.timeout(60):
            while len(transports) < CONNECTIONS:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        data = os.urandom(size)
        before = time.process_time()
        for number in range(ROUNDS):
            for transport in transports[number % PHASES :: PHASES]:
                transport.write(data)
            await asyncio.sleep(0.02)
        used = time.process_time() - before
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)  # noqa: ASYNC222
    return 1e6 * used / (ROUNDS * CONNECTIONS / PHASES)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps({"us": runner.run(measure(int(sys.argv[1])))}))
