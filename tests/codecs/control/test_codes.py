from __future__ import annotations

import pytest

from loa.codecs.control.codes import Code, CodeError, digest_of
from loa.codecs.control.signing import SigningKey

KEY = SigningKey(bytes(range(32))).public
OTHER = SigningKey(bytes(32)).public


def test_a_code_trusts_the_server_that_it_was_made_for_and_no_other() -> None:
    code = Code.parse(str(Code.make(KEY)))
    assert code.trusts(KEY)
    assert not code.trusts(OTHER)


def test_no_two_codes_are_alike() -> None:
    assert len({str(Code.make(KEY)) for _ in range(50)}) == 50


def test_it_is_read_however_it_was_typed() -> None:
    code = Code.make(KEY)
    typed = str(code).lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert Code.parse(typed) == code
    assert Code.parse(str(code).replace("-", "")) == code
    assert digest_of(code.secret_text) == code.digest


@pytest.mark.parametrize("place", [5, 8, 11, 20, 33, 43, 47])
def test_a_typing_mistake_is_told(place: int) -> None:
    text = str(Code(0x0123_4567_89AB_CDEF_0123, 0x0FED_CBA9_8765_4321))
    told = 0
    for letter in set("0123456789ABCDEFGHJKMNPQRSTVWXYZ") - {text[place]}:
        try:
            Code.parse(text[:place] + letter + text[place + 1 :])
        except CodeError:
            told += 1
    # The check sum has five bits: one in 32 mistakes passes, and is refused by the server.
    assert told >= 26


@pytest.mark.parametrize("text", ["", "LOA1", "LOA2-0000", "x" * 10_000, "LOA1-" + "0" * 35, "é"])
def test_other_texts_are_refused_with_a_reason(text: str) -> None:
    with pytest.raises(CodeError):
        Code.parse(text)
