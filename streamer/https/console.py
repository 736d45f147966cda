"""``loa https`` as a person or a script sees it."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from loa.streamer.air import state
from loa.streamer.config import Config, ConfigError, load
from loa.streamer.https import authority, office, own_certificate, port, words
from loa.streamer.https.authority import BadName
from loa.streamer.https.office import Office, OfficeError

OK, FAILED, MISCONFIGURED = 0, 1, 2
ELSEWHERE = ("192.0.2.1", 9)
"""An address that nobody has (RFC 5737): nothing is sent there, only asked how it would go."""


def run(
    names: Sequence[str],
    addresses: Sequence[str],
    data: Path | None,
    file: Path | None,
    *,
    anew: bool,
    language: str,
    as_json: bool,
) -> int:
    """Make or renew what HTTPS in an office needs, and say what is to be done; the exit code."""
    try:
        config = load(file, {"data": data})
    except ConfigError as error:
        for problem in error.problems:
            print(f"loa: {problem}", file=sys.stderr)
        return MISCONFIGURED
    if config.tls.cert is not None:
        print(
            f"loa: the configuration names a certificate already, {config.tls.cert}: that one is "
            "shown. Take cert and key out of [tls] first, if this server is to have its own.",
            file=sys.stderr,
        )
        return MISCONFIGURED
    try:
        first = not office.there(config.data)
        found = _settled(config.data, names, addresses, anew)
        cert, _ = own_certificate.ensure(config.data, time.time())
    except (BadName, OfficeError, state.StateError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return MISCONFIGURED
    except OSError as error:
        print(f"loa: {config.data} cannot be written to: {error.strerror}", file=sys.stderr)
        return FAILED
    where = config.receivers.port or port.DEFAULT
    name = found.called[0]
    url = f"https://{f'[{name}]' if ':' in name else name}:{where}"
    root = config.data / office.FOLDER / office.CERT
    if as_json:
        shown = x509.load_pem_x509_certificate(cert.read_bytes())
        print(json.dumps({
            "url": url, "names": list(found.names), "addresses": list(found.addresses),
            "authority": str(root), "fingerprint": found.fingerprint, "certificate": str(cert),
            "renewed_until": shown.not_valid_after_utc.isoformat(),
        }))  # fmt: skip
        return OK
    again = first and "host" not in config.model_fields_set and config.receivers.host is None
    print(
        words.WORDS[language].format(
            url=url, file=root, fingerprint=found.fingerprint, called=", ".join(found.called),
            ends=f"{found.authority.not_valid_after_utc:%Y-%m-%d}",
            server=(words.RESTART if again else words.RUNNING)[language],
        )
    )  # fmt: skip
    _look_at_host(config)
    return OK


def _settled(data: Path, names: Sequence[str], addresses: Sequence[str], anew: bool) -> Office:
    before = None if anew and (names or addresses) else office.read(data)
    if not names and not addresses:
        if before is not None:
            names, addresses = before.names, before.addresses
        else:
            names, addresses = ask_machine()
    if len(names) + len(addresses) > authority.MOST_NAMES:
        raise BadName(f"at most {authority.MOST_NAMES} names and addresses")
    state.prepare(data)
    office.give(data / ".writable", data)
    return office.settle(
        data,
        tuple(dict.fromkeys(authority.name_of(name) for name in names)),
        tuple(dict.fromkeys(authority.address_of(one) for one in addresses)),
        time.time(),
        anew=anew,
    )


def ask_machine() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what this machine is called and its address in the network, as far as it knows."""
    names: list[str] = []
    try:
        name = authority.name_of(socket.gethostname())
        names = [name] if "." in name else [f"{name}.local", name]
    except BadName:
        pass
    addresses: tuple[str, ...] = ()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
            addresses = (authority.address_of(probe.getsockname()[0]),)
        except (OSError, BadName):
            pass
    if not names and not addresses:
        raise BadName("this machine has no name: say what the office calls it, with --name")
    return tuple(names), addresses


def _look_at_host(config: Config) -> None:
    """Say so when the server can be reached on this machine only."""
    host = config.receivers.host or (config.host if "host" in config.model_fields_set else "")
    if host in ("127.0.0.1", "::1", "localhost"):
        print(
            f"loa: the configuration lets the server listen on {host} alone, so no other device "
            'reaches it: set host = "0.0.0.0" or take the line out',
            file=sys.stderr,
        )
