"""The server's certificate: loaded at start, loaded again when its files are renewed."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import structlog

from loa.codecs.control.certificates import CertificateError, key_hash_of_pem
from loa.streamer.counters import Counters

log = structlog.get_logger()


class KnownContext(ssl.SSLContext):
    """Knows the public key of the certificate that it shows."""

    key_hash: bytes | None = None
    """SHA-256 of its SubjectPublicKeyInfo; None when it cannot be told."""


def key_hash_of(transport: asyncio.BaseTransport) -> bytes | None:
    """Return the hash of the key of the certificate that this connection was made with.

    None without TLS. A certificate that was renewed since changes nothing for a connection.
    """
    tls = transport.get_extra_info("ssl_object")
    context = None if tls is None else tls.context
    return context.key_hash if isinstance(context, KnownContext) else None


class Certificate:
    """Gives each new handshake the newest certificate that could be loaded.

    ``cert`` is a PEM file with the chain, ``key`` its PEM key (not encrypted). Raises ``OSError``
    (``ssl.SSLError`` is one) when they cannot be loaded at first; later a broken pair is logged and
    counted, and the one before stays. A renewal replaces two files, one after the other, so a pair
    that does not fit together is looked at again as soon as either changes once more. ``tickets``:
    how many are sent with which a client may resume; None: as many as OpenSSL likes.
    """

    def __init__(
        self, cert: str | Path, key: str | Path, counters: Counters, *, check_every: float = 1.0,
        tickets: int | None = None,
    ) -> None:  # fmt: skip
        self._cert, self._key = Path(cert), Path(key)
        self._counters = counters
        self._check_every = check_every
        self._tickets = tickets
        self._next_check = float("-inf")
        self._stamp = self._read_stamp()
        self._context = self._load()

    def context(self, now: float) -> ssl.SSLContext:
        """Return the context for a handshake at ``now`` (monotonic seconds)."""
        if now >= self._next_check:
            self._next_check = now + self._check_every
            self._look()
        return self._context

    def _look(self) -> None:
        try:
            stamp = self._read_stamp()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._context = self._load()
        except OSError as error:  # ssl.SSLError is one
            self._counters.add("tls.reload_failed")
            log.error("the renewed certificate cannot be used", error=str(error))
        else:
            self._counters.add("tls.reloaded")
            log.info("the certificate was renewed", certificate=str(self._cert))

    def _read_stamp(self) -> tuple[tuple[int, int, int], ...]:
        stats = [path.stat() for path in (self._cert, self._key)]
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in stats)

    def _load(self) -> ssl.SSLContext:
        for _ in range(3):
            # The file is read twice, so it must be the same one before and after.
            before = self._read_stamp()
            context = KnownContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self._tickets is not None:
                context.num_tickets = self._tickets
            # An encrypted key would make OpenSSL ask on the terminal; fail instead.
            context.load_cert_chain(self._cert, self._key, password=lambda: "")
            try:
                key_hash = key_hash_of_pem(self._cert.read_bytes())
            except CertificateError as error:
                log.warning("receivers cannot use this certificate", why=str(error))
                return context
            if self._read_stamp() == before:
                context.key_hash = key_hash
                break
        return context
