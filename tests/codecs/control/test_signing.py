from __future__ import annotations

import pytest

from loa.codecs.control.signing import PublicKey, Purpose, SigningKey

KEY = SigningKey(bytes(range(32)))


def test_a_signature_is_good_for_its_purpose_its_bytes_and_its_key_only() -> None:
    signature = KEY.sign(Purpose.COMMAND, b"play")
    assert KEY.public.verifies(Purpose.COMMAND, b"play", signature)
    assert not KEY.public.verifies(Purpose.SCHEDULE, b"play", signature)
    assert not KEY.public.verifies(Purpose.COMMAND, b"stop", signature)
    assert not SigningKey(bytes(32)).public.verifies(Purpose.COMMAND, b"play", signature)
    for n in range(64):
        altered = bytes(b ^ 1 if n == m else b for m, b in enumerate(signature))
        assert not KEY.public.verifies(Purpose.COMMAND, b"play", altered)


@pytest.mark.parametrize("signature", [b"", b"x", bytes(64), bytes(65)])
def test_what_is_no_signature_is_no_error(signature: bytes) -> None:
    assert not KEY.public.verifies(Purpose.COMMAND, b"play", signature)


def test_a_key_outlives_its_secret_being_stored() -> None:
    made = SigningKey.generate()
    assert SigningKey(made.secret).public == made.public
    assert len(made.public.fingerprint) == 32


def test_a_public_key_has_32_bytes() -> None:
    with pytest.raises(ValueError):
        PublicKey(b"short")


def test_purposes_cannot_be_confused() -> None:
    assert len({p.value for p in Purpose}) == len(Purpose)
    assert not any(b"\x00" in p.value for p in Purpose)
