"""What somebody types for a server."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers.address import AddressError, candidates


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("loa.example", ["wss://loa.example:8443", "wss://loa.example:443"]),
        ("loa.example:9000", ["wss://loa.example:9000"]),
        ("wss://loa.example", ["wss://loa.example:443"]),
        ("https://loa.example/", ["wss://loa.example:443"]),
        ("https://loa.example:8443", ["wss://loa.example:8443"]),
        (" 10.0.0.7 ", ["wss://10.0.0.7:8443", "wss://10.0.0.7:443"]),
        ("[2001:db8::7]:8443", ["wss://[2001:db8::7]:8443"]),
        ("[2001:db8::7]", ["wss://[2001:db8::7]:8443", "wss://[2001:db8::7]:443"]),
    ],
)
def test_what_is_meant(typed: str, meant: list[str]) -> None:
    assert candidates(typed) == meant


@pytest.mark.parametrize(
    "typed",
    ["", "http://loa.example", "ws://loa.example", "loa.example/path", "a b", "loa:99999", "u@loa"],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(AddressError):
        candidates(typed)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.text(max_size=60))
def test_whatever_is_typed(typed: str) -> None:
    try:
        found = candidates(typed)
    except AddressError:
        return
    assert found and all(address.startswith("wss://") for address in found)
