"""A real box on a real door: it is enrolled, has a session, and is cut off."""

from __future__ import annotations

from pathlib import Path

from loa.streamer.desk import receivers
from support.link import fleet_door


async def test_a_box_is_enrolled_and_has_a_session(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()
        session = there.fleet.hub.of(link.identity.kept.receiver)
        assert session is not None and session.name == "Cụm loa 1"
        assert link.nonce == session.hello.nonce
        assert there.count("fleet.welcomed") == 1


async def test_a_revoked_box_is_cut_off_at_once(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()
        id = link.identity.kept.receiver
        await receivers.revoke(there.office.desk, there.office.server, id)
        await there.until(lambda: not link.up)
        assert there.fleet.hub.of(id) is None
        assert "revoked" in link.why
