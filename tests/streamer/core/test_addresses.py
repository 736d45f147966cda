import contextlib
import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.addresses import AddressRefused, networks, refusal, target


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("8.8.8.8", None),
        ("123.30.136.1", None),
        ("2606:4700::1111", None),
        ("127.0.0.1", "loopback"),
        ("127.255.0.3", "loopback"),
        ("0.0.0.0", "this network"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.1", None),
        ("192.168.1.1", "private"),
        ("169.254.169.254", "link-local"),
        ("100.64.0.1", "shared by a carrier's NAT"),
        ("100.128.0.1", None),
        ("198.18.0.1", "benchmarking"),
        ("192.0.2.5", "documentation"),
        ("224.0.0.251", "multicast"),
        ("239.255.255.250", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::127.0.0.1", "reserved"),
        ("fc00::1", "private"),
        ("fd12:3456::1", "private"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("ff02::1", "multicast"),
        ("2001:db8::1", "documentation"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.1.2.3", "private"),
        ("::ffff:8.8.8.8", None),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::808:808", None),
        ("2002:7f00:1::1", "loopback"),
        ("2002:a00:1::", "private"),
        # Teredo carries the client's address inverted: 127.0.0.1 is 80ff:fffe.
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", "loopback"),
        ("4000::1", "reserved"),
    ],
)
def test_the_table_of_addresses(address: str, why: str | None) -> None:
    assert refusal(address) == why


def test_configured_networks_are_let_through_and_no_others() -> None:
    allowed = networks(["127.0.0.1", "10.5.0.0/16", "fd00:1::/32"])
    assert refusal("127.0.0.1", allowed) is None
    assert refusal("::ffff:127.0.0.1", allowed) is None
    assert refusal("10.5.9.9", allowed) is None
    assert refusal("fd00:1::7", allowed) is None
    assert refusal("127.0.0.2", allowed) == "loopback"
    assert refusal("10.6.0.1", allowed) == "private"


@given(st.ip_addresses())
@settings(deadline=None, derandomize=True, max_examples=500)
def test_whatever_the_standard_library_calls_private_is_refused(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if address.is_private or address.is_multicast or address.is_loopback or address.is_link_local:
        # Judged by what they lead to; whether they are private themselves changed within 3.11.
        embedded = isinstance(address, ipaddress.IPv6Address) and (
            address.ipv4_mapped is not None
            or address.sixtofour is not None
            or address.teredo is not None
        )
        assert embedded or refusal(address) is not None


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("http://vov.example/live", "vov.example", 80, False),
        ("https://vov.example/live?x=1", "vov.example", 443, True),
        ("http://vov.example:8000/live", "vov.example", 8000, False),
        ("http://[2606:4700::1]:8443/a", "2606:4700::1", 8443, False),
    ],
)
def test_urls_that_may_be_asked_for(url: str, host: str, port: int, tls: bool) -> None:
    found = target(url)
    assert (found.host, found.port, found.tls) == (host, port, tls)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://x/",
        "gopher://x/",
        "concat:http://a|http://b",
        "",
        "vov.example/live",
        "http:///live",
        "http://user:secret@host/",
        "http://host:22/",
        "http://host:0/",
        "http://host:99999/",
        "http://host:port/",
        "http://ho st/",
        "http://host/\r\nX: y",
        "http://host\\@other/",
        "http://[::1/",
        "http://host/" + "a" * 3000,
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        target(url)


@given(st.text(max_size=60))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_any_text_is_a_target_or_refused(text: str) -> None:
    """Only a Target or AddressRefused comes out, whatever goes in."""
    for url in (text, "http://" + text):
        with contextlib.suppress(AddressRefused):
            assert target(url).host
