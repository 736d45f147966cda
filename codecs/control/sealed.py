"""Files that somebody signed, as they are kept and carried: one magic word, signature, body.

::

    LOAS 1 | signature, 64 bytes | deflated body

The signature is of the body as it lies there, so that nothing unsigned is ever inflated, and what
is inflated is bounded all the same.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable

from loa.codecs.control.signing import SIGNATURE_BYTES, PublicKey, Purpose, SigningKey
from loa.codecs.errors import CodecError

MAX_BODY = 16 * 1024 * 1024
"""Bytes of a body, inflated."""
_MAGIC = b"LOAS1\n"
_HEAD = len(_MAGIC) + SIGNATURE_BYTES


class SealError(CodecError):
    """This is no file of ours, or nobody signed it whom we trust."""


def seal(purpose: Purpose, body: bytes, key: SigningKey) -> bytes:
    """Return the file of a body; the same body and key give the same bytes."""
    packed = zlib.compress(body, 9)
    return _MAGIC + key.sign(purpose, packed) + packed


def unseal(purpose: Purpose, data: bytes, keys: Iterable[PublicKey]) -> bytes:
    """Return the body of a file that one of these keys signed. Raises ``SealError``."""
    if not data.startswith(_MAGIC) or len(data) < _HEAD:
        raise SealError("no signed file of ours")
    signature, packed = data[len(_MAGIC) : _HEAD], data[_HEAD:]
    if not any(key.verifies(purpose, packed, signature) for key in keys):
        raise SealError("nobody whom we trust has signed it")
    inflate = zlib.decompressobj()
    try:
        body = inflate.decompress(packed, MAX_BODY)
    except zlib.error as error:
        raise SealError(f"damaged: {error}") from None
    if not inflate.eof or inflate.unused_data:
        raise SealError("too large, or with something behind it")
    return body


def hash_of(data: bytes) -> bytes:
    """Return what a file is named by: its SHA-256."""
    return hashlib.sha256(data).digest()
