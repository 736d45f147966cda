"""Where the server is: what somebody typed, as an address to connect to."""

from __future__ import annotations

from urllib.parse import urlsplit

PATH = "/api/v1/receivers/control"
DEFAULT_PORT = 8443


class AddressError(ValueError):
    """This is no address of a server."""


def candidates(text: str) -> list[str]:
    """Return the addresses (``wss://host:port``) that may be meant, the likeliest first.

    A bare name is asked at the receivers' port, then at that of HTTPS. Raises ``AddressError``.
    """
    text = text.strip().rstrip("/")
    scheme, divider, rest = text.partition("://")
    if divider and scheme not in ("wss", "https"):
        raise AddressError(f"a receiver connects over TLS: give wss:// or a name, not {scheme}://")
    bare = rest if divider else text
    try:
        parts = urlsplit(f"wss://{bare}")
        port = parts.port
    except ValueError:
        raise AddressError(f"{text!r} is no address of a server") from None
    host = parts.hostname
    if not host or parts.username or parts.query or parts.path.strip("/") or " " in bare:
        raise AddressError(f"{text!r} is no address of a server: give its name, or name:port")
    if ":" in host:
        host = f"[{host}]"
    if port is not None:
        return [f"wss://{host}:{port}"]
    return (
        [f"wss://{host}:443"] if divider else [f"wss://{host}:{DEFAULT_PORT}", f"wss://{host}:443"]
    )
