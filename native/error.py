"""Errors of the C core as Python exceptions."""

from __future__ import annotations

_MEANINGS = {
    -1: "an argument or outside data is not acceptable",
    -2: "out of memory",
    -3: "a bounded buffer or table has no room",
    -4: "it no longer exists",
    -5: "the codec refused the data",
    -6: "a system call failed",
}


class NativeError(Exception):
    """The C core refused a call; ``code`` is the ``enum loa_error`` or 0 when there is none."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


def check(result: int) -> int:
    """Return ``result``, a count or handle; raise ``NativeError`` when it is an error code."""
    if result < 0:
        raise NativeError(_MEANINGS.get(result, f"unknown error {result}"), int(result))
    return int(result)
