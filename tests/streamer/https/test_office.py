"""HTTPS of an office: the authority, its certificates, the command, real handshakes."""

from __future__ import annotations

import asyncio
import json
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from certificates import make_certificate
from cryptography import x509

from loa.streamer.config import load
from loa.streamer.https import authority, console, office, own_certificate, words
from loa.streamer.https.authority import BadName
from loa.streamer.https.office import NotCovered, OfficeError
from loa.streamer.keeping import machine
from support.process import LOA, serving, surroundings

DAY = 86_400.0
NOW = 1_790_000_000.0
NAME, ADDRESS = "loa.example.lan", "192.168.1.10"


def settle(data: Path, *names: str, anew: bool = False) -> office.Office:
    return office.settle(data, names or (NAME,), (ADDRESS,), NOW, anew=anew)


def shown(data: Path, now: float = NOW) -> x509.Certificate:
    return x509.load_pem_x509_certificate(own_certificate.ensure(data, now)[0].read_bytes())


def test_the_server_shows_a_certificate_of_the_office(tmp_path: Path) -> None:
    before = shown(tmp_path)
    made = settle(tmp_path)
    cert = shown(tmp_path)
    assert cert != before and made.fits(cert)
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert NAME in names.get_values_for_type(x509.DNSName)
    assert ADDRESS in {str(a) for a in names.get_values_for_type(x509.IPAddress)}
    # It stays until its end is near, and the authority stays through that.
    assert shown(tmp_path, NOW + 300 * DAY) == cert
    later = shown(tmp_path, NOW + 370 * DAY)
    assert later != cert and made.fits(later)
    for file in tmp_path.rglob("*.key"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_other_names_keep_the_authority_where_it_may_vouch_for_them(tmp_path: Path) -> None:
    first = settle(tmp_path)
    second = settle(tmp_path, "dai.ha-giang.lan", NAME)
    assert second.fingerprint == first.fingerprint
    assert second.fits(shown(tmp_path)) and not first.fits(shown(tmp_path))
    with pytest.raises(NotCovered):
        settle(tmp_path, "loa.hagiang.example")
    assert office.read(tmp_path) == second
    third = settle(tmp_path, "loa.hagiang.example", anew=True)
    assert third.fingerprint != first.fingerprint and third.fits(shown(tmp_path))


@pytest.mark.parametrize("what", ["loa-ca.key", "loa-ca.crt", "https.json"])
def test_what_is_damaged_takes_nobody_off_the_air(tmp_path: Path, what: str) -> None:
    settle(tmp_path)
    cert = shown(tmp_path)
    (tmp_path / office.FOLDER / what).write_bytes(b"{")
    assert shown(tmp_path) == cert  # what is there holds until its end…
    assert shown(tmp_path, NOW + 390 * DAY) != cert  # …and then one that signs itself
    if what != "loa-ca.key":
        with pytest.raises(OfficeError):
            office.read(tmp_path)


def test_names_and_addresses_are_looked_at() -> None:
    assert authority.name_of(" Loa.Example.LAN. ") == NAME
    assert authority.address_of("::0001") == "::1"
    for bad in ("", "a b", "-a.lan", "a..lan", "x" * 64, "đài.lan", "192.168.1.10", "1.2", "*.lan"):
        with pytest.raises(BadName):
            authority.name_of(bad)
    for bad in ("", "192.168.1", NAME, "0.0.0.0", "224.0.0.1"):
        with pytest.raises(BadName):
            authority.address_of(bad)


def verify(made: office.Office, folder: Path, leaf: authority.Pair, name: str) -> int:
    """Let OpenSSL judge a certificate; it knows nothing of ours."""
    (folder / "ca.pem").write_bytes(made.pem)
    (folder / "leaf.pem").write_bytes(leaf.cert)
    return subprocess.run(
        ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-attime", str(int(NOW)),
         "-CAfile", folder / "ca.pem", "-verify_hostname", name, folder / "leaf.pem"],
        capture_output=True, check=False,
    ).returncode  # fmt: skip


def test_the_authority_can_forge_nobody_else(tmp_path: Path) -> None:
    made = settle(tmp_path)
    key = (tmp_path / office.FOLDER / office.KEY).read_bytes()
    pair = authority.Pair(made.pem, key)
    for name, good in ((NAME, True), ("x.lan", True), ("bank.example", False), ("lan.vn", False)):
        leaf = authority.make_certificate(pair, (name,), (), NOW)
        assert (verify(made, tmp_path, leaf, name) == 0) is good, name
    leaf = authority.make_certificate(pair, (NAME,), ("8.8.8.8",), NOW)
    assert verify(made, tmp_path, leaf, NAME) != 0


def loa(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LOA, *words], capture_output=True, text=True, check=False, env=surroundings()
    )


def test_the_command_and_a_handshake_with_a_running_server(tmp_path: Path) -> None:
    made = loa(
        "https", "--name", NAME, "--address", "127.0.0.1", "--data", str(tmp_path / "data"),
        "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    said = json.loads(made.stdout)
    assert said["url"] == f"https://{NAME}:8443"
    with serving(tmp_path, 'host = "127.0.0.1"\n') as server:
        assert server.ready["https"].startswith(f"https://{NAME}:")
        port = int(server.ready["https"].rpartition(":")[2])
        pem = server.get("/loa-ca.crt")
        trusted = ssl.create_default_context(cadata=pem)

        async def handshake(name: str) -> x509.Certificate:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=trusted, server_hostname=name
            )
            der = writer.get_extra_info("ssl_object").getpeercert(True)
            writer.close()
            await writer.wait_closed()
            return x509.load_der_x509_certificate(der)

        first = asyncio.run(handshake(NAME))
        assert asyncio.run(handshake("127.0.0.1")) == first
        with pytest.raises(ssl.SSLCertVerificationError):
            asyncio.run(handshake("other.lan"))
        # Another name, while it runs: seen at the next handshake, without a restart.
        again = loa(
            "https", "--name", "other.lan", "--data", str(tmp_path / "data"), "--language", "vi"
        )
        assert again.returncode == 0 and "HTTPS đã sẵn sàng" in again.stdout
        assert said["fingerprint"] in again.stdout
        deadline = 50
        while True:
            try:
                assert asyncio.run(handshake("other.lan")) != first
                break
            except ssl.SSLCertVerificationError:
                deadline -= 1
                assert deadline, "the server does not take the new certificate"
                asyncio.run(asyncio.sleep(0.1))
        state = json.loads(server.get("/api/v1/https"))
        assert state == {
            "port": port, "names": ["other.lan"], "fingerprint": said["fingerprint"],
        }  # fmt: skip


def test_the_command_refuses_what_cannot_be(tmp_path: Path) -> None:
    def run(*names: str, file: Path | None = None, anew: bool = False) -> int:
        return console.run(
            names, (), tmp_path / "data", file, anew=anew, language="en", as_json=True
        )

    assert run("not a name") == console.MISCONFIGURED
    assert run("loa.example") == console.OK
    assert run("other.example") == console.MISCONFIGURED
    assert run() == console.OK
    assert run("other.example", anew=True) == console.OK
    cert, key = make_certificate(tmp_path)
    file = tmp_path / "loa.toml"
    file.write_text(f'[tls]\ncert = "{cert}"\nkey = "{key}"\n')
    assert run("loa.example", file=file) == console.MISCONFIGURED


def test_a_machine_knows_what_it_is_called() -> None:
    names, addresses = console.ask_machine()
    assert names or addresses


def test_the_doctor_looks_at_it(tmp_path: Path) -> None:
    def found(now: float = NOW, **options: object) -> set[str]:
        config = load(None, {"data": tmp_path, **options})
        return {finding.what.partition(":")[0] for finding in machine.of_office(config, now)}

    settle(tmp_path)
    own_certificate.ensure(tmp_path, NOW)
    assert found() == set()
    assert found(host="127.0.0.1") == {"the office cannot reach it"}
    assert len(found(NOW + 3650 * DAY)) == 2
    (tmp_path / office.FOLDER / office.KEY).unlink()
    assert len(found()) == 1


def test_the_language_of_the_terminal() -> None:
    assert words.language_of({"LANG": "vi_VN.UTF-8"}) == "vi"
    assert words.language_of({"LANG": "vi_VN.UTF-8", "LC_ALL": "C"}) == "en"
    assert set(words.WORDS) == set(words.LANGUAGES)
