"""What goes wrong between boxes and their server, over real connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from serving import on_both_loops

from loa.codecs.control import messages
from loa.codecs.control.certificates import key_hash
from loa.codecs.control.codes import Code
from loa.codecs.control.messages import Ping, Pong, Refused, Welcome
from loa.codecs.control.signing import PublicKey, Purpose, SigningKey
from loa.receivers import liveness
from loa.receivers.address import PATH
from loa.receivers.enrol import NotEnrolled, enrol
from loa.receivers.handshake import Untrusted
from loa.receivers.identity import BoxIdentity
from loa.receivers.wire import Opened, Unreachable, context, opened
from loa.streamer.desk import receivers
from loa.streamer.fleet import strangers
from loa.streamer.fleet.door import DoorSettings
from loa.streamer.fleet.fleet import FleetSettings
from loa.streamer.fleet.hub import MOST_WAITING, binary_frame
from loa.streamer.fleet.identity import FILE, ServerIdentity
from loa.streamer.https import own_certificate
from loa.streamer.keeping import backup
from support.between import line
from support.handshake import dialects
from support.link import FleetDoorHere, fleet_door


def settings(**door: float) -> FleetSettings:
    return FleetSettings(door=DoorSettings(**door))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def raw(there: FleetDoorHere) -> AsyncIterator[Opened]:
    """A connection to the door that has heard the challenge, and says what the test wants."""
    async with opened(there.url, lambda key: True, context()) as connection:
        yield connection


async def answer(connection: Opened) -> messages.FromServer:
    """The next message that is no topic's greeting."""
    while True:
        said = messages.from_server(await connection.socket.receive_str(timeout=10))
        if isinstance(said, Welcome | Pong | Refused):
            return said


async def closed(connection: Opened) -> None:
    async with asyncio.timeout(10):
        while (await connection.socket.receive()).type not in (
            aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING,
            aiohttp.WSMsgType.ERROR,
        ):  # fmt: skip
            pass


async def greeted(there: FleetDoorHere, connection: Opened, box: BoxIdentity) -> Welcome:
    hello = connection.shake.hello(box.kept.receiver, box.keys[0])
    await connection.socket.send_str(messages.encode(hello).decode())
    welcome = await answer(connection)
    assert isinstance(welcome, Welcome)
    await there.until(lambda: there.fleet.hub.of(box.kept.receiver) is not None)
    return welcome


# --- who is not the server


async def test_a_man_in_the_middle_learns_nothing(tmp_path: Path) -> None:
    forged = own_certificate.ensure(_folder(tmp_path / "forger"), time.time())
    async with fleet_door(tmp_path) as there, line(there.url, forged) as between:
        _, code = await there.add()
        with pytest.raises(Untrusted, match="stands between"):
            await enrol([between.url], code, tmp_path / "box")
        box = await there.enrol()
        box.save(msgspec.structs.replace(box.kept, server=between.url))
        link = await there.link(identity=box, wait=False)
        await there.until(lambda: link.counters["link.failed.Untrusted"] > 0)
        assert "stands between" in link.why and not link.up
        assert between.connections >= 2
        assert code.secret_text.encode() not in _unmasked(bytes(between.heard))
        assert b'"receiver"' not in _unmasked(bytes(between.heard))
        assert there.count("fleet.welcomed") == 0


async def test_a_server_with_another_key_is_not_spoken_to(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = await there.enrol()
        stranger = SigningKey.generate().public.data
        box.save(msgspec.structs.replace(box.kept, servers=(stranger,)))
        link = await there.link(identity=box, wait=False)
        await there.until(lambda: link.counters["link.failed.Untrusted"] > 0)
        assert "not the server that the box belongs to" in link.why
        await there.until(lambda: there.count("fleet.left_unnamed") > 0)
        assert there.count("fleet.welcomed") == 0


async def test_a_code_of_another_server_is_not_sent(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        code = Code.make(SigningKey.generate().public)
        with pytest.raises(Untrusted, match="key is another"):
            await enrol([there.url], code, tmp_path / "box")
        assert there.count("fleet.refused.secret") == 0


async def test_nothing_is_answered_without_tls(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        port = await there.door.open(there.runner, "127.0.0.1", 0)
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(f"http://127.0.0.1:{port}{PATH}")
        assert refused.value.status == 403
        assert there.count("fleet.refused.plain") == 1


# --- certificates


async def test_a_certificate_may_be_renewed_at_any_time(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()
        host, port = there.url.removeprefix("wss://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context())
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        before = key_hash(tls.getpeercert(binary_form=True) or b"")

        folder = there.fleet.desk.data / "data" / own_certificate.FOLDER
        for name in (own_certificate.CERT, own_certificate.KEY):
            (folder / name).unlink()
        own_certificate.ensure(folder.parent, time.time())
        renewed = there.certificate.context(time.monotonic() + 60)
        assert renewed.key_hash != before  # type: ignore[attr-defined]

        # The connection that was made before is proved by the certificate that it was made with.
        writer.write(
            f"GET {PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        head = await reader.readexactly(4)
        challenge = messages.from_server(await reader.readexactly(int.from_bytes(head[2:])))
        assert isinstance(challenge, messages.Challenge)
        key = PublicKey(challenge.identities[0].key)
        assert key.verifies(Purpose.CERTIFICATE, before, challenge.identities[0].signature)
        writer.transport.abort()

        # Sessions go on, and new ones begin with the new certificate.
        assert link.up
        other = await there.link()
        assert other.up and there.count("tls.reloaded") == 1


# --- who is no receiver (any more)


async def test_a_code_is_good_once(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        id, code = await there.add()
        box = await enrol([there.url], code, tmp_path / "one")
        with pytest.raises(NotEnrolled, match="used already"):
            await enrol([there.url], code, tmp_path / "two")
        # The first one's power failed before it heard that it worked: it may ask again.
        (tmp_path / "one" / "identity.json").unlink()
        (tmp_path / "one" / "enrolment.json").write_bytes(
            msgspec.json.encode({"secret": code.secret_text, "key": box.kept.key})
        )
        (tmp_path / "one" / "enrolment.json").chmod(0o600)
        again = await enrol([there.url], code, tmp_path / "one")
        assert again.kept.key == box.kept.key and again.kept.receiver == id
        assert not (tmp_path / "one" / "enrolment.json").exists()


async def test_a_code_expires_and_a_newer_one_replaces_it(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        id, code = await there.add()
        desk, fleet = there.office.desk, there.fleet
        newer = await receivers.new_code(
            desk, there.office.server, id, fleet.identity.key.public, fleet.code_seconds
        )
        with pytest.raises(NotEnrolled, match="no such code"):
            await enrol([there.url], code, tmp_path / "box")
        there.office.clock.now = newer.expires_at
        with pytest.raises(NotEnrolled, match="has expired"):
            await enrol([there.url], newer.code, tmp_path / "box")


async def test_a_box_that_is_enrolled_again_takes_its_place_at_once(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()
        desk, id = there.office.desk, link.identity.kept.receiver
        coded = await receivers.new_code(
            desk, there.office.server, id, there.fleet.identity.key.public, 1000.0
        )
        assert link.up  # a code alone changes nothing
        new = await enrol([there.url], coded.code, tmp_path / "new box")
        await there.until(lambda: not link.up)
        assert "another box" in link.why
        link2 = await there.link(identity=new)
        assert link2.up and not link.up
        link.hurry()  # the old one may try as often as it likes
        await there.until(lambda: link.counters["link.failed.signature"] >= 2)
        assert link2.up and there.fleet.hub.of(id) is not None


async def test_a_stranger_who_guesses_codes_is_held_up(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        said = []
        for _ in range(25):
            code = Code.make(there.fleet.identity.key.public)
            with pytest.raises(NotEnrolled) as refused:
                await enrol([there.url], code, tmp_path / "box")
            said.append(str(refused.value))
        assert "no such code" in said[0] and "wait a minute" in said[-1]
        assert there.count("fleet.refused.busy") >= 3


async def test_a_revoked_box_does_not_bother_its_neighbours_behind_one_address(
    tmp_path: Path,
) -> None:
    async with fleet_door(tmp_path) as there:
        stolen = await there.enrol()
        await receivers.revoke(there.office.desk, there.office.server, stolen.kept.receiver)
        for _ in range(12):
            async with raw(there) as connection:
                hello = connection.shake.hello(stolen.kept.receiver, stolen.keys[0])
                await connection.socket.send_str(messages.encode(hello).decode())
                refused = await answer(connection)
                assert isinstance(refused, Refused) and refused.code in ("revoked", "busy")
        assert there.count("fleet.refused.busy") > 0
        assert (await there.link()).up


async def test_nobody_can_keep_a_box_out_by_wrong_signatures_in_its_name(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = await there.enrol()
        house, now = "127.0.0.1", asyncio.get_running_loop().time()
        for _ in range(300):
            there.fleet.door.wrong_keys.failed(house, str(box.kept.receiver), now)
        for receiver, code in ((box.kept.receiver, "signature"), (99, "busy")):
            async with raw(there) as connection:
                hello = connection.shake.hello(receiver, SigningKey.generate())
                await connection.socket.send_str(messages.encode(hello).decode())
                refused = await answer(connection)
                assert isinstance(refused, Refused) and refused.code == code
        async with raw(there) as connection:
            await greeted(there, connection, box)


async def test_a_removed_receiver_is_unknown(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()
        await receivers.remove(there.office.desk, there.office.server, link.identity.kept.receiver)
        await there.until(lambda: not link.up)
        assert "removed" in link.why
        link.hurry()
        await there.until(lambda: link.counters["link.failed.unknown"] >= 2)
        assert "no such receiver" in link.why


# --- connections


async def test_of_two_connections_of_one_box_the_newer_one_counts(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = await there.enrol()
        async with raw(there) as first, raw(there) as second:
            await greeted(there, first, box)
            await greeted(there, second, box)
            await closed(first)
            await second.socket.send_str(messages.encode(Ping(sent=1.5)).decode())
            pong = await answer(second)
            assert isinstance(pong, Pong) and pong.sent == 1.5
            assert len(there.fleet.hub) == 1 and there.count("fleet.replaced") == 1


async def test_the_server_ends_what_is_half_open(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there, line(there.url) as between:
        box = await there.enrol()
        box.save(msgspec.structs.replace(box.kept, server=between.url))
        await there.link(identity=box)
        between.frozen.set()
        now = asyncio.get_running_loop().time()
        there.fleet.door.sweep(now + 149)
        assert len(there.fleet.hub) == 1
        there.fleet.door.sweep(now + 152)
        await there.until(lambda: len(there.fleet.hub) == 0)
        assert there.count("fleet.half_open") == 1


async def test_the_box_leaves_what_is_half_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "PONG_WITHIN", 0.3)
    given = settings(heartbeat=1.0)
    async with fleet_door(tmp_path, settings=given) as there, line(there.url) as between:
        box = await there.enrol()
        box.save(msgspec.structs.replace(box.kept, server=between.url))
        link = await there.link(identity=box)
        between.frozen.set()
        await there.until(lambda: not link.up)
        assert "dead" in link.why
        between.frozen.clear()
        await there.until(lambda: link.up)


async def test_a_restarted_server_finds_its_boxes_back(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()
        await there.fleet.door.close()
        await there.until(lambda: link.counters["link.failed.stopping"] == 1)
        await there.until(lambda: there.count("fleet.refused.stopping") > 0)
        there.fleet.door.closing = False
        await there.until(lambda: link.up)
        assert link.counters["link.sessions"] == 2


# --- versions


async def test_a_newer_server_speaks_the_version_before_with_boxes_that_know_no_other(
    tmp_path: Path,
) -> None:
    async with fleet_door(tmp_path) as there:
        there.fleet.door.dialects = dialects(1, 2)
        link = await there.link()
        session = there.fleet.hub.of(link.identity.kept.receiver)
        assert session is not None and session.dialect.version == session.hello.version == 1
        # Two versions on, the box is too old: it says so, and does not try again and again.
        there.fleet.door.dialects = dialects(2, 3)
        session.close("restarted")
        await there.until(lambda: link.counters["link.failed.NoCommonVersion"] == 1)
        assert "versions 2 to 3" in link.why and "update the box" in link.why


# --- what is sent


async def test_who_says_nothing_is_let_go(tmp_path: Path) -> None:
    async with fleet_door(tmp_path, settings=settings(hello_within=0.2)) as there:
        async with raw(there) as connection:
            await closed(connection)
        await there.until(lambda: there.count("fleet.timeout") == 1)
        assert not there.fleet.door.strangers


async def test_there_is_room_for_so_many_strangers_only(tmp_path: Path) -> None:
    async with fleet_door(tmp_path, settings=settings(strangers=2)) as there:
        box = await there.enrol()
        await there.until(lambda: not there.fleet.door.strangers)
        async with raw(there) as one, raw(there):
            with pytest.raises(Unreachable, match="503"):
                async with raw(there):
                    raise AssertionError("there was room")
            await greeted(there, one, box)  # who proved who he is is no stranger
            async with raw(there):
                pass


async def test_who_says_nothing_makes_room_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "PATIENCE", 0.0)
    async with fleet_door(tmp_path, settings=settings(strangers=2)) as there:
        box = await there.enrol()
        await there.until(lambda: not len(there.fleet.door.strangers))
        async with raw(there) as silent, raw(there), raw(there) as third:
            await closed(silent)
            assert there.count("fleet.made_room") == 1
            await greeted(there, third, box)


@pytest.mark.parametrize(
    "said", ["", "{}", "[]", '{"t":"hello"}', '{"t":"ping","sent":1}', "x" * 7000, "\0" * 50]
)
async def test_a_beginning_that_makes_no_sense(tmp_path: Path, said: str) -> None:
    async with fleet_door(tmp_path) as there:
        async with raw(there) as connection:
            await connection.socket.send_str(said)
            refused = await answer(connection)
            assert isinstance(refused, Refused) and refused.code == "message"
            await closed(connection)
        assert there.count("fleet.refused.message") == 1


async def test_a_binary_beginning(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there, raw(there) as connection:
        await connection.socket.send_bytes(b"\x01" * 50)
        await closed(connection)


@pytest.mark.parametrize("said", ["x" * 9000, "x" * messages.MAX_TEXT])
async def test_a_stranger_who_says_much_is_not_listened_to(tmp_path: Path, said: str) -> None:
    async with fleet_door(tmp_path) as there:
        neighbour = await there.link()
        async with raw(there) as connection:
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                await connection.socket.send_str(said)
            await closed(connection)
        await there.until(lambda: not there.fleet.door.strangers)
        assert there.count("fleet.refused.long") == 1
        assert there.count("fleet.refused.message") == 0
        assert neighbour.up


async def test_the_longest_enrolment_is_heard_and_much_may_be_said_after_a_hello(
    tmp_path: Path,
) -> None:
    async with fleet_door(tmp_path) as there:
        id, code = await there.add()
        box = await enrol(
            [there.url], code, tmp_path / "box", hardware="ữ" * 200, serial="\U0001f50a" * 200
        )
        assert box.kept.receiver == id
        async with raw(there) as connection:
            await greeted(there, connection, box)
            much = json.dumps({"t": "later", "x": "y" * 200_000})
            await connection.socket.send_str(much)
            await connection.socket.send_str(messages.encode(Ping(sent=3.0)).decode())
            assert isinstance(await answer(connection), Pong)
            assert there.count("fleet.messages.unknown") == 1


async def test_what_is_too_long_ends_the_connection(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = await there.enrol()
        async with raw(there) as connection:
            await greeted(there, connection, box)
            await connection.socket.send_str(json.dumps({"t": "ack", "x": "y" * messages.MAX_TEXT}))
            await closed(connection)
        await there.until(lambda: len(there.fleet.hub) == 0)


async def test_garbage_in_a_session_is_counted_and_disturbs_nobody(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        neighbour = await there.link()
        box = await there.enrol()
        async with raw(there) as connection:
            await greeted(there, connection, box)
            for said in ("", "{", '{"t":"later"}', '{"t":"pong"}', '{"t":"ack","number":-1}'):
                await connection.socket.send_str(said)
            await connection.socket.send_bytes(b"\x02")
            hello = connection.shake.hello(box.kept.receiver, box.keys[0])
            await connection.socket.send_str(messages.encode(hello).decode())
            await connection.socket.send_str(messages.encode(Ping(sent=2.0)).decode())
            assert isinstance(await answer(connection), Pong)
            assert there.count("fleet.messages.unknown") == 1
            assert there.count("fleet.messages.bad") == 6
            assert neighbour.up


async def test_a_flood_is_slowed_down_and_nothing_of_it_lost(tmp_path: Path) -> None:
    async with fleet_door(tmp_path, settings=settings(rate=200.0, burst=20.0)) as there:
        box = await there.enrol()
        async with raw(there) as connection:
            await greeted(there, connection, box)
            for number in range(60):
                await connection.socket.send_str(messages.encode(Ping(sent=number)).decode())
            pongs = [await answer(connection) for _ in range(60)]
            assert [p.sent for p in pongs if isinstance(p, Pong)] == list(range(60))
            assert there.count("fleet.slowed_down") > 0


# --- keys


async def test_box_and_server_go_over_to_new_keys(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()
        id, before = link.identity.kept.receiver, link.identity.kept.key
        link.keys.rotate(there.office.clock.now)
        await there.until(lambda: link.identity.kept.next_kept)
        known = await there.fleet.registry.get(id)
        assert known is not None and len(known.keys) == 2
        former = there.fleet.identity.key.public
        await there.fleet.go_over(there.office.server)
        new = there.fleet.identity.key.public
        await there.until(lambda: link.identity.trusts(new))
        assert link.identity.trusts(former) and link.up

        await there.unlink(link)
        box = BoxIdentity.load(there.state / f"box-{id}")
        again = await there.link(identity=box)
        assert again.identity.kept.key != before and again.identity.kept.next is None
        assert not again.identity.trusts(former)
        known = await there.fleet.registry.get(id)
        assert known is not None and [k.data for k in known.keys] == [
            SigningKey(again.identity.kept.key).public.data
        ]


async def test_a_box_that_was_away_is_told_of_the_new_identity(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = await there.enrol()
        _, code = await there.add()
        for _ in range(2):
            await there.fleet.go_over(there.office.server)
        new = there.fleet.identity.key.public
        link = await there.link(identity=box)
        await there.until(lambda: link.identity.trusts(new))
        # A code that was printed before is good, too.
        late = await enrol([there.url], code, tmp_path / "late")
        assert not late.trusts(new)
        other = await there.link(identity=late)
        await there.until(lambda: other.identity.trusts(new))


async def test_a_new_identity_is_used_once_a_backup_holds_it(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        office, identity = there.office, there.fleet.identity
        link = await there.link()

        async def ask(status: int) -> Any:
            return await office.call("POST", "/receivers/identity", as_="server", status=status)

        before = identity.key.public
        said = await ask(200)
        assert said["key"] == before.fingerprint.hex()
        assert identity.prepared is not None
        new = identity.prepared.public
        assert said["prepared"] == new.fingerprint.hex()
        said = await ask(409)
        assert said["error"]["code"] == "receiver.identity_not_in_backup"
        assert identity.key.public == before and not link.identity.trusts(new)
        (tmp_path / "data" / "loa.db").symlink_to(tmp_path / "loa.db")
        assert (await backup.write(tmp_path / "data", tmp_path)).noted
        said = await ask(200)
        assert said["key"] == new.fingerprint.hex() and said["prepared"] is None
        await there.until(lambda: link.identity.trusts(new))


async def test_a_backup_from_before_a_new_identity_was_used_keeps_its_boxes(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box, late = await there.enrol(), await there.enrol()
        there.fleet.identity.prepare(there.office.clock.now)
        kept = (tmp_path / "data" / FILE).read_bytes()
        await there.fleet.go_over(there.office.server)
        new = there.fleet.identity.key.public
        link = await there.link(identity=box)
        await there.until(lambda: link.identity.trusts(new))
        await there.unlink(link)
        await there.unlink(await there.link(identity=box))
        assert box.kept.servers == (new.data,), "it trusts nothing else"

        (tmp_path / "data" / FILE).write_bytes(kept)
        restored = ServerIdentity.load(tmp_path / "data", there.office.clock.now)
        there.fleet.identity = there.fleet.door.identity = restored
        assert restored.key.public != new
        await there.link(identity=box)
        assert restored.key.public == new and restored.prepared is None
        other = await there.link(identity=late)
        await there.until(lambda: other.identity.trusts(new))


async def test_who_has_no_key_cannot_announce_one(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = await there.enrol()
        thief, new = SigningKey.generate(), SigningKey.generate()
        async with raw(there) as connection:
            await greeted(there, connection, box)
            text = new.public.data
            for old, by_new in ((thief, new), (box.keys[0], thief)):
                rotate = messages.Rotate(
                    key=text, by_old=old.sign(Purpose.SUCCESSOR, text),
                    by_new=by_new.sign(Purpose.SUCCESSOR, text),
                )  # fmt: skip
                await connection.socket.send_str(messages.encode(rotate).decode())
            await there.until(lambda: there.count("fleet.keys.bad") == 2)
        known = await there.fleet.registry.get(box.kept.receiver)
        assert known is not None and len(known.keys) == 1


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _unmasked(heard: bytes) -> bytes:
    """What a box sent is masked by four bytes: try every place where a frame may begin."""
    out = bytearray(heard)
    for at in range(len(heard) - 6):
        if heard[at] in (0x81, 0x82, 0x01, 0x02, 0x88):
            size = heard[at + 1] & 0x7F
            start = at + 2 + (2 if size == 126 else 0)
            mask = heard[start : start + 4]
            if len(mask) == 4:
                out += bytes(b ^ mask[n % 4] for n, b in enumerate(heard[start + 4 : start + 4096]))
    return bytes(out)


# --- below the messages


async def upgraded(there: FleetDoorHere) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket to the door, byte by byte."""
    host, port = there.url.removeprefix("wss://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context())
    writer.write(
        f"GET {PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def test_who_sends_a_byte_now_and_then_is_let_go_in_time(tmp_path: Path) -> None:
    async with fleet_door(tmp_path, settings=settings(hello_within=0.4)) as there:
        reader, writer = await upgraded(there)

        async def drip() -> None:
            writer.write(b"\x81\xfe\x20\x00\0\0\0\0")  # a text of 8 KB…
            while True:
                writer.write(b"x")  # …that never ends
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(10):
            await reader.read()
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
        writer.transport.abort()
        assert there.count("fleet.timeout") == 1 and not there.fleet.door.strangers


@pytest.mark.parametrize("seed", range(3))
async def test_bytes_that_are_no_websocket(tmp_path: Path, seed: int) -> None:
    async with fleet_door(tmp_path) as there:
        neighbour = await there.link()
        there.fleet.door.settings = DoorSettings(hello_within=0.3)
        _, writer = await upgraded(there)
        writer.write(random.Random(seed).randbytes(5000))
        await there.until(lambda: not there.fleet.door.strangers)
        writer.transport.abort()
        assert neighbour.up and len(there.fleet.hub) == 1


@on_both_loops
async def test_who_takes_nothing_is_let_go_and_comes_back(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there, line(there.url) as between:
        box = await there.enrol()
        box.save(msgspec.structs.replace(box.kept, server=between.url))
        link = await there.link(identity=box)
        session = there.fleet.hub.of(box.kept.receiver)
        assert session is not None
        between.frozen.set()
        # What the line does not take is seen to wait: the kernel hides little of it.
        frame = binary_frame(bytes(60_000))
        for _ in range(200):
            session.wire.send_frame(frame)
            await asyncio.sleep(0)
            if session.wire.waiting > MOST_WAITING:
                break
        assert session.wire.waiting > MOST_WAITING
        session.send(Pong(sent=0.0, tick=0.0, unix=0.0))
        await there.until(lambda: there.count("fleet.too_slow") == 1)
        between.frozen.clear()
        await there.until(lambda: link.counters["link.sessions"] == 2 and link.up)
