from loa.streamer.core.areas import Area
from loa.streamer.core.rights import SourceToken, SourceTokens, digest


def test_a_token_covers_its_area_and_what_is_below_and_nothing_beside():
    token = SourceToken(digest("s"), "/ha-giang")
    assert token.covers(Area("/ha-giang", ""))
    assert token.covers(Area("/ha-giang/quang-binh", ""))
    assert not token.covers(Area("/ha-giang-2", ""))
    assert not token.covers(Area("/ha", ""))


def test_a_token_for_everything():
    assert SourceToken(digest("s"), "/").covers(Area("/any/where", ""))


def test_only_the_right_secret_is_known():
    first, second = SourceToken(digest("one"), "/a"), SourceToken(digest("two"), "/b")
    third = SourceToken(digest("one"), "/c")
    tokens = SourceTokens([first, second, third])
    assert tokens.known("one") == [first, third]
    assert tokens.known("two") == [second]
    assert tokens.known("") == tokens.known("ONE") == []
