"""How a session begins: who is believed, and who is not. Both sides are pure."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control import messages
from loa.codecs.control.messages import Enrol, Hello
from loa.codecs.control.signing import PublicKey, SigningKey
from loa.receivers import handshake as box_side
from loa.receivers.handshake import NoCommonVersion, Untrusted
from loa.streamer.fleet import handshake as server_side
from loa.streamer.fleet.handshake import MAX_FIRST, Refusal
from loa.streamer.fleet.identity import ServerIdentity
from support.handshake import ANOTHER, CERTIFICATE, NOW, Meeting, dialects

DAY = 86_400.0


def said(message: messages.Message) -> bytes:
    return messages.encode(message)


def test_a_box_and_its_server(tmp_path: Path) -> None:
    meeting = Meeting(tmp_path)
    server, box = meeting.meet()
    hello = server.read(said(box.hello(7, meeting.key, software="loa", resume=5)))
    assert isinstance(hello, Hello) and (hello.receiver, hello.resume) == (7, 5)
    others = SigningKey.generate().public
    assert server.check_hello(hello, [others, meeting.key.public]) == meeting.key.public
    assert server.trusted == meeting.identity.key.public == box.server
    assert box.unix == NOW


def test_a_new_box_with_a_code(tmp_path: Path) -> None:
    meeting = Meeting(tmp_path)
    code = meeting.code()
    server, box = meeting.meet(code.trusts)
    enrol = server.read(said(box.enrol(code.secret_text, meeting.key, serial="B-1")))
    assert isinstance(enrol, Enrol) and enrol.serial == "B-1"
    assert server.check_enrol(enrol) == meeting.key.public


def test_a_server_with_another_key_is_told_nothing(tmp_path: Path) -> None:
    meeting = Meeting(tmp_path)
    elsewhere = SigningKey.generate().public
    with pytest.raises(Untrusted, match="not the server that the box belongs to"):
        meeting.meet(lambda key: key == elsewhere)


def test_a_code_typed_at_the_wrong_server_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    code = Meeting(tmp_path / "other").code()
    with pytest.raises(Untrusted, match="its key is another"):
        Meeting(tmp_path).meet(code.trusts)


def test_whoever_relays_the_true_challenge_is_found_out_by_his_certificate(tmp_path: Path) -> None:
    with pytest.raises(Untrusted, match="stands between"):
        Meeting(tmp_path, seen=ANOTHER).meet()


def test_whoever_shows_the_servers_key_without_having_it_is_found_out(tmp_path: Path) -> None:
    meeting = Meeting(tmp_path)
    forger = SigningKey.generate()
    challenge = server_side.Handshake(
        meeting.identity.identities(CERTIFICATE, NOW), CERTIFICATE, NOW
    ).challenge
    from loa.codecs.control.signing import Purpose

    forged = messages.Identity(
        key=meeting.identity.key.public.data, signature=forger.sign(Purpose.CERTIFICATE, ANOTHER)
    )
    meeting.seen = ANOTHER
    with pytest.raises(Untrusted, match="stands between"):
        meeting.meet(challenge=said(msgspec.structs.replace(challenge, identities=(forged,))))


def test_a_hello_is_good_for_one_connection_only(tmp_path: Path) -> None:
    meeting = Meeting(tmp_path)
    _, box = meeting.meet()
    overheard = said(box.hello(7, meeting.key))
    server, _ = meeting.meet()  # another connection: another challenge
    with pytest.raises(Refusal, match="key is not the one"):
        server.check_hello(server.read(overheard), [meeting.key.public])  # type: ignore[arg-type]


@pytest.mark.parametrize("receiver", [0, 8])
def test_a_hello_is_good_for_one_receiver_only(tmp_path: Path, receiver: int) -> None:
    meeting = Meeting(tmp_path)
    server, box = meeting.meet()
    hello = msgspec.structs.replace(box.hello(7, meeting.key), receiver=receiver)
    with pytest.raises(Refusal) as refused:
        server.check_hello(hello, [meeting.key.public])
    assert refused.value.refused.code == "signature"


def test_a_hello_is_no_enrolment(tmp_path: Path) -> None:
    meeting = Meeting(tmp_path)
    server, box = meeting.meet()
    hello = box.hello(0, meeting.key)
    enrol = Enrol(
        version=1, secret="0" * 20, key=meeting.key.public.data, nonce=hello.nonce,
        signature=hello.signature,
    )  # fmt: skip
    with pytest.raises(Refusal, match="not signed"):
        server.check_enrol(enrol)


# --- versions


@pytest.mark.parametrize(
    ("servers", "boxes", "spoken"),
    [
        ((1,), (1,), 1),
        ((1, 2), (1,), 1),
        ((1, 2), (2,), 2),
        ((1, 2), (2, 3), 2),
        ((2, 3), (1, 2), 2),
    ],
)
def test_the_newest_common_version_is_spoken(
    tmp_path: Path, servers: tuple[int, ...], boxes: tuple[int, ...], spoken: int
) -> None:
    meeting = Meeting(tmp_path, servers=dialects(*servers), boxes=dialects(*boxes))
    server, box = meeting.meet()
    server.read(said(box.hello(7, meeting.key)))
    assert server.dialect.version == box.dialect.version == spoken


@pytest.mark.parametrize(
    ("servers", "boxes", "words"),
    [((2, 3), (1,), "update the box"), ((1,), (2, 3), "update the server")],
)
def test_without_a_common_version_the_box_says_what_to_update(
    tmp_path: Path, servers: tuple[int, ...], boxes: tuple[int, ...], words: str
) -> None:
    meeting = Meeting(tmp_path, servers=dialects(*servers), boxes=dialects(*boxes))
    with pytest.raises(NoCommonVersion, match=words):
        meeting.meet()


@pytest.mark.parametrize(("version", "words"), [(0, "update the box"), (9, "update the server")])
def test_a_box_that_insists_is_refused_in_words(tmp_path: Path, version: int, words: str) -> None:
    meeting = Meeting(tmp_path)
    server, box = meeting.meet()
    with pytest.raises(Refusal, match=words) as refused:
        server.read(said(msgspec.structs.replace(box.hello(7, meeting.key), version=version)))
    assert refused.value.refused.code == "version"


def test_a_challenge_of_a_much_later_server_is_still_read(tmp_path: Path) -> None:
    meeting = Meeting(tmp_path, servers=dialects(1, 2))
    server, _ = meeting.meet()
    later = msgspec.json.decode(said(server.challenge))
    later["post_quantum"] = {"key": "…"}
    _, box = meeting.meet(challenge=None)
    box.read(msgspec.json.encode(later))
    assert box.dialect.version == 1


# --- identities


def test_during_the_overlap_boxes_of_both_identities_are_served(tmp_path: Path) -> None:
    meeting = Meeting(tmp_path)
    former = meeting.identity.key.public
    meeting.identity.rotate(NOW, 90 * DAY)
    assert meeting.identity.key.public != former
    for trusted in (former, meeting.identity.key.public):
        server, box = meeting.meet(lambda key, trusted=trusted: key == trusted)  # type: ignore[misc]
        hello = server.read(said(box.hello(7, meeting.key)))
        server.check_hello(hello, [meeting.key.public])  # type: ignore[arg-type]
        assert server.trusted == trusted
    successor = meeting.identity.successor(former, NOW)
    assert successor is not None and successor.key == meeting.identity.key.public.data
    assert meeting.identity.successor(meeting.identity.key.public, NOW) is None
    # The same after a restart; and when the overlap is over, only the new one is left.
    again = ServerIdentity.load(tmp_path, NOW)
    assert [k.public for k in again.good(NOW)] == [again.key.public, former]
    assert [k.public for k in again.good(NOW + 91 * DAY)] == [again.key.public]
    assert again.successor(former, NOW + 91 * DAY) is None


def test_a_box_that_missed_two_rotations_is_told_the_newest(tmp_path: Path) -> None:
    identity = ServerIdentity.load(tmp_path, NOW)
    first = identity.key.public
    for day in range(5):
        identity.rotate(NOW + day * DAY, 90 * DAY)
    assert len(identity.identities(CERTIFICATE, NOW)) == 4  # no more fit into a challenge
    assert identity.successor(first, NOW) is None
    third = identity.former(NOW + 4 * DAY)[-1].key.public
    told = identity.successor(third, NOW)
    assert told is not None and PublicKey(told.key) == identity.key.public


# --- fuzz: a documented refusal or success, whatever comes


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.binary(max_size=300) | st.text(max_size=300))
def test_whatever_a_box_says_first(data: bytes | str) -> None:
    shake = server_side.Handshake(
        (messages.Identity(key=bytes(32), signature=bytes(64)),), CERTIFICATE, NOW
    )
    with pytest.raises(Refusal):
        shake.read(data)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.binary(max_size=300) | st.text(max_size=300))
def test_whatever_a_server_says_first(data: bytes | str) -> None:
    with pytest.raises(Untrusted):
        box_side.Handshake(CERTIFICATE, lambda key: True).read(data)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(data=st.data())
def test_an_altered_beginning_is_refused_or_means_the_same(data: st.DataObject) -> None:
    shake = server_side.Handshake(
        (messages.Identity(key=bytes(32), signature=bytes(64)),), CERTIFICATE, NOW
    )
    hello = msgspec.json.decode(
        said(Hello(version=1, receiver=7, nonce=bytes(32), signature=bytes(64)))
    )
    hello[data.draw(st.sampled_from([*hello, "resume", "inventory", "booted", "x"]))] = data.draw(
        _values
    )
    try:
        asked = shake.read(msgspec.json.encode(hello))
    except Refusal:
        return
    assert isinstance(asked, Hello)
    with pytest.raises(Refusal):
        shake.check_hello(asked, [SigningKey.generate().public])


def test_a_first_message_that_is_too_long(tmp_path: Path) -> None:
    server, box = Meeting(tmp_path).meet()
    hello = box.hello(7, SigningKey.generate())
    with pytest.raises(Refusal, match="too long"):
        server.read(said(hello) + b" " * MAX_FIRST)


def test_a_session_does_not_begin_with_a_ping(tmp_path: Path) -> None:
    server, _ = Meeting(tmp_path).meet()
    with pytest.raises(Refusal, match="hello or enrol"):
        server.read(said(messages.Ping(sent=1.0)))
