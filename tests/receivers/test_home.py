"""A box that is enrolled again: as another receiver, it knows nothing of what it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from loa.codecs.control.codes import Code
from loa.codecs.control.messages import Agenda
from loa.codecs.control.sealed import hash_of
from loa.codecs.control.settings import Settings
from loa.codecs.control.signing import SigningKey
from loa.receivers import enrolling, home
from loa.receivers.alone import only_one
from loa.receivers.box import Box
from loa.receivers.carrying import Begun
from loa.receivers.enrol import enrol
from loa.receivers.identity import BoxIdentity, Kept
from loa.receivers.orders import Outcome
from support.boxes import AREA, Programme, real_opus, signed, ticks_at
from support.boxes import KEY as HERE
from support.link import fleet_door
from support.wholebox import HandMachine, config_below, running, until

THERE = SigningKey.generate()
AUDIO = real_opus(0.2)


def enrolled(state: Path, receiver: int, server: SigningKey = HERE) -> BoxIdentity:
    """Enrol the box of this folder."""
    return BoxIdentity.enrolled(
        state,
        Kept(
            server="wss://127.0.0.1:9", receiver=receiver, name="Cột 1", area="/xa",
            servers=(server.public.data,), key=SigningKey.generate().secret,
        ),
    )  # fmt: skip


def whole(folder: Path, identity: BoxIdentity) -> Box:
    return Box(config_below(folder), identity, machine=HandMachine())


def lived(folder: Path, identity: BoxIdentity, server: SigningKey = HERE) -> None:
    """The box was receiver ``identity`` for a while."""
    box = whole(folder, identity)
    box.journal.started()
    assert box.settings.replace(Settings(version=12, area=AREA))
    box.book._note(Outcome(number=40, do="stop", state="finished"))
    box.sign.order("Bão số 3", None)
    assert box.schedule.take(signed(Programme().schedule(made=ticks_at(0, "00:00")), server))
    box.offline._carrying._before["entry/1/0"] = Begun(key="entry/1/0", packets=5, ticks=9)
    box.timeline.suppose(1000.0, box.clock())
    box.offline.close()
    assert box.cache.put(hash_of(AUDIO), AUDIO)
    box.journal.stopped()


def remembers(folder: Path) -> bool:
    """Say whether the box knows what it was, or nothing of it; anything else fails."""
    box = whole(folder, BoxIdentity.load(folder / "state"))
    try:
        assert box.cache.has(hash_of(AUDIO)), "audio is kept by its hash"
        lines = box.journal.newest()
        known = [
            box.settings.now.version == 12, box.book.newest == 40, box.sign.wanted() != "",
            box.schedule.newest is not None, any("started" in line for line in lines),
            "entry/1/0" in box.offline._carrying._before,
        ]  # fmt: skip
        assert len(set(known)) == 1, known
        return known[0]
    finally:
        box.journal.stopped()


@pytest.mark.parametrize(
    ("receiver", "server", "same"),
    [(1, HERE, True), (2, HERE, False), (1, THERE, False)],
    ids=["the same again", "another receiver", "another server"],
)
def test_enrolled_again(tmp_path: Path, receiver: int, server: SigningKey, same: bool) -> None:
    state = tmp_path / "state"
    lived(tmp_path, enrolled(state, 1))
    now = enrolled(state, receiver, server)
    assert remembers(tmp_path) is same
    left = [path for path in state.iterdir() if path.is_dir() and path.name != "cache"]
    assert left == [now.home], "what it was before is removed"


async def test_a_spare_box_of_another_pole(tmp_path: Path) -> None:
    """By the line: it is enrolled into the folder of what it was, and takes its first settings."""
    state, other = tmp_path / "state", "/ha-giang/quang-binh/xuan-minh"
    async with fleet_door(tmp_path) as there:
        first, code = await there.add()
        identity = await enrol([there.url], code, state, hardware="test", serial="")
        lived(tmp_path, identity, there.fleet.identity.key)
        second, code = await there.add(other)
        identity = await enrol([there.url], code, state, hardware="test", serial="")
        assert (identity.kept.receiver, first) == (second, second - 1)
        assert identity.kept.area_id == there.office.area(other).id
        async with running(config_below(tmp_path), identity) as box:
            box.journal._pacing._chance = lambda low, high: low  # not spread over ten seconds
            assert box.settings.now.version == 0 and box.book.newest == 0
            await until("it has settings", lambda: box.settings.now.version > 0)
            assert box.settings.now.area == there.office.area(other).id
            assert box.book.newest > 0 and box.failures == []
            await until("the server has its journal", lambda: box.journal.waiting == 0)


def test_the_power_fails_before_what_it_was_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    lived(tmp_path, enrolled(state, 1))
    with monkeypatch.context() as cut:
        cut.setattr(home, "tidy", lambda *_: None)
        now = enrolled(state, 2)
    assert not remembers(tmp_path)
    assert list(state.glob("receiver-*")) == [now.home]


def test_what_lay_in_the_state_folder_itself(tmp_path: Path) -> None:
    """A box that was enrolled before there were such folders goes on, until it is another one."""
    state = tmp_path / "state"
    identity = enrolled(state, 1)
    identity.save(replace(identity.kept, home=""))
    lived(tmp_path, identity)
    assert remembers(tmp_path)
    enrolled(state, 1)
    assert remembers(tmp_path)
    enrolled(state, 2)
    assert not remembers(tmp_path)
    assert not (state / "settings.json").exists() and not (state / "journal").exists()


def test_what_holds_is_looked_at_anew_when_its_area_is_told(tmp_path: Path) -> None:
    box = whole(tmp_path, enrolled(tmp_path / "state", 1))
    box.schedule.take(signed(Programme().schedule(made=ticks_at(0, "00:00"))))
    holds: list[bool] = []
    box.schedule.subscribe(lambda: holds.append(box.schedule.now is not None))
    refused = Agenda(hash=bytes(32), size=100)
    box.fetching._refused = refused
    assert box.settings.replace(Settings(version=1, area=AREA + 1))
    assert holds == [False] and box.fetching._agenda == refused
    box.journal.stopped()


def test_not_beside_a_box_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it keeps in memory would be written over the new identity."""
    state = tmp_path / "state"
    before = enrolled(state, 1).kept
    code = str(Code.make(HERE.public))
    with only_one(state):
        assert enrolling.run("127.0.0.1:9", code, state) == 1
    assert "systemctl stop loa-receiver" in capsys.readouterr().err
    assert BoxIdentity.load(state).kept == before
    # Nobody holds it any more, and there is nobody at that address.
    assert enrolling.run("127.0.0.1:9", code, state) == 1
    assert "systemctl" not in capsys.readouterr().err
    assert enrolling.run("127.0.0.1:9", code, tmp_path / "new" / "state") == 1
