"""The box's identity through rotations, restored servers and power cuts at any moment.

The server is a model of what ``fleet/door.py`` and ``fleet/keys.py`` do with keys: which it knows,
and what a session and a ``Rotate`` change of that.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.messages import Message, Rotate, Rotated, Successor, Welcome
from loa.codecs.control.signing import PublicKey, Purpose, SigningKey
from loa.receivers import files
from loa.receivers.identity import (
    FILE,
    BoxIdentity,
    IdentityError,
    Kept,
    default_state,
    enrolment_done,
    pending_key,
)
from loa.receivers.keys import ROTATE_AFTER, Keys

NOW = 1_790_000_000.0
SERVER = SigningKey.generate()


def fresh(state: Path) -> BoxIdentity:
    return BoxIdentity.enrolled(
        state,
        Kept(
            server="wss://127.0.0.1:8443", receiver=7, name="Cụm loa", area="/xa-mau",
            servers=(SERVER.public.data,), key=SigningKey.generate().secret, made_at=NOW,
        ),
    )  # fmt: skip


def secrets_of(identity: BoxIdentity) -> list[bytes]:
    return [key.secret for key in identity.keys]


# --- the file


def test_nobody_else_can_read_it_and_it_says_what_it_said(tmp_path: Path) -> None:
    made = fresh(tmp_path / "state")
    path = tmp_path / "state" / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert BoxIdentity.load(tmp_path / "state").kept == made.kept


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_one_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    fresh(tmp_path)
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(IdentityError, match="can be read by others"):
        BoxIdentity.load(tmp_path)


def test_a_box_that_is_not_enrolled_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match="loa receiver enrol SERVER CODE"):
        BoxIdentity.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff" * 40])
def test_a_damaged_one_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    fresh(tmp_path)
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(IdentityError, match="damaged"):
        BoxIdentity.load(tmp_path)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(content=st.binary(max_size=200))
def test_whatever_the_file_holds(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("state") / FILE
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(IdentityError):
        BoxIdentity.load(path.parent)


def test_where_the_state_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOA_RECEIVER_STATE", str(tmp_path))
    assert default_state() == tmp_path
    monkeypatch.delenv("LOA_RECEIVER_STATE")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_state() == Path("/var/lib/loa-receiver")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_state().parts[-3:] == (".local", "state", "loa-receiver")


# --- enrolment


def test_the_key_of_an_enrolment_is_the_same_until_it_worked(tmp_path: Path) -> None:
    first = pending_key(tmp_path, "a" * 20)
    assert pending_key(tmp_path, "a" * 20).secret == first.secret  # the power was cut meanwhile
    assert pending_key(tmp_path, "b" * 20).secret != first.secret  # another code
    enrolment_done(tmp_path)
    enrolment_done(tmp_path)
    assert pending_key(tmp_path, "b" * 20).secret != first.secret


# --- the server's identity


def test_former_identities_of_the_server_are_trusted_until_the_new_one_was_met(
    tmp_path: Path,
) -> None:
    box, new, newest = fresh(tmp_path), SigningKey.generate(), SigningKey.generate()
    box.successor(new.public)
    box.successor(newest.public)
    box.successor(newest.public)
    assert all(box.trusts(key.public) for key in (SERVER, new, newest))
    box.server_is(SERVER.public)  # the server was restored from a backup
    assert box.trusts(newest.public)
    box.server_is(new.public)
    assert not box.trusts(SERVER.public) and box.trusts(newest.public)
    box.server_is(newest.public)
    assert BoxIdentity.load(tmp_path).kept.servers == (newest.public.data,)


def test_a_successor_must_be_signed_by_who_is_trusted(tmp_path: Path) -> None:
    box, new, stranger = fresh(tmp_path), SigningKey.generate(), SigningKey.generate()
    keys = Keys(box, lambda message: True)

    def told(by: SigningKey, signer: SigningKey, purpose: Purpose = Purpose.SUCCESSOR) -> bool:
        signature = signer.sign(purpose, new.public.data)
        keys.take(Successor(key=new.public.data, by=by.public.data, signature=signature), 0.0)
        return box.trusts(new.public)

    assert not told(SERVER, stranger)
    assert not told(stranger, stranger)
    assert not told(SERVER, SERVER, Purpose.CERTIFICATE)
    assert told(SERVER, SERVER)


# --- the box's own key


@dataclass
class ModelServer:
    """What the server keeps of a box: its key, and the next one."""

    key: bytes
    next: bytes | None = None

    def accepts(self, key: SigningKey) -> bool:
        public = key.public.data
        if public == self.next:
            self.key, self.next = public, None
        return public == self.key

    def rotate(self, message: Rotate) -> Rotated | None:
        new = PublicKey(message.key)
        known = [PublicKey(k) for k in (self.key, self.next) if k is not None]
        if not new.verifies(Purpose.SUCCESSOR, message.key, message.by_new):
            return None
        if not any(k.verifies(Purpose.SUCCESSOR, message.key, message.by_old) for k in known):
            return None
        if message.key not in (self.key, self.next):
            self.next = message.key
        return Rotated(key=message.key)


class PowerCut(Exception):
    """The box is off."""


@dataclass
class Power:
    """Fails at the ``at``-th chance; a cut may fall before or after what is just being done."""

    at: int
    chances: int = 0

    def chance(self) -> None:
        self.chances += 1
        if self.chances == self.at:
            raise PowerCut


@dataclass
class World:
    state: Path
    server: ModelServer
    power: Power = field(default_factory=lambda: Power(0))

    def session(self, now: float) -> bool:
        """One connection, as ``link.py`` goes about it; True when a session began."""
        box = BoxIdentity.load(self.state)
        for key in box.keys:
            self.power.chance()
            if not self.server.accepts(key):
                continue
            self.power.chance()
            box.worked(key)
            self._rotate(box, now)
            return True
        return False

    def _rotate(self, box: BoxIdentity, now: float) -> None:
        sent: list[Message] = []

        def send(message: Message) -> bool:
            sent.append(message)
            return True

        keys = Keys(box, send)
        keys.welcomed(Welcome(version=1, tick=0.0, unix=now))
        for message in sent:
            self.power.chance()
            assert isinstance(message, Rotate)
            answer = self.server.rotate(message)
            self.power.chance()
            if answer is not None:
                keys.take(answer, 0.0)


@pytest.fixture
def cut_writes(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], None]:
    """Let the power fail before and after each file is put in place, too."""

    def arrange(world: World) -> None:
        real = files.write_durably

        def write(path: Path, data: bytes, mode: int = 0o600) -> None:
            world.power.chance()
            real(path, data, mode)
            world.power.chance()

        monkeypatch.setattr("loa.receivers.identity.write_durably", write)

    return arrange


def test_a_key_goes_over_to_the_next(tmp_path: Path) -> None:
    box = fresh(tmp_path)
    world = World(tmp_path, ModelServer(box.keys[0].public.data))
    later = NOW + ROTATE_AFTER + 1
    first = box.keys[0].secret
    assert world.session(NOW) and world.server.next is None
    assert world.session(later) and world.server.next is not None  # both are good now
    assert world.session(later) and world.server.next is None
    assert world.server.key != SigningKey(first).public.data
    kept = BoxIdentity.load(tmp_path).kept
    assert (kept.next, kept.former, kept.made_at) == (None, (first,), later)
    assert world.session(later + 1) and world.server.next is None


def test_the_power_fails_at_every_moment_of_a_rotation(
    tmp_path: Path, cut_writes: Callable[[World], None]
) -> None:
    later = NOW + ROTATE_AFTER + 1
    for at in range(1, 40):
        state = tmp_path / str(at)
        box = fresh(state)
        world = World(state, ModelServer(box.keys[0].public.data), Power(at))
        cut_writes(world)
        cuts = 0
        for _ in range(3):
            try:
                assert world.session(later)
            except PowerCut:
                cuts += 1
        world.power = Power(0)
        # Whatever happened, the box connects, and in the end both have gone over.
        assert world.session(later) and world.session(later)
        assert world.server.next is None
        assert world.server.key == BoxIdentity.load(state).keys[0].public.data
        assert world.server.key != SigningKey(box.kept.key).public.data
        if not cuts:
            assert at > 10
            return
    raise AssertionError("a rotation has no end")


@settings(deadline=None, derandomize=True, max_examples=60)
@given(cuts=st.lists(st.integers(1, 14), max_size=5), restore_at=st.integers(0, 6))
def test_many_cuts_and_a_server_restored_from_a_backup(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], restore_at: int
) -> None:
    state = tmp_path_factory.mktemp("state")
    box = fresh(state)
    world = World(state, ModelServer(box.keys[0].public.data))
    backup = (world.server.key, world.server.next)
    now = NOW + ROTATE_AFTER + 1
    for number, at in enumerate(cuts):
        if number == restore_at:
            world.server = ModelServer(*backup)
        world.power = Power(at)
        with contextlib.suppress(PowerCut):
            assert world.session(now)
    world.power = Power(0)
    world.server = ModelServer(*backup)  # as it was before all of it
    for _ in range(3):
        assert world.session(now)
    assert world.server.next is None


def test_a_restored_server_is_told_the_present_key_again(tmp_path: Path) -> None:
    box = fresh(tmp_path)
    server = ModelServer(box.keys[0].public.data)
    backup = server.key
    world = World(tmp_path, server)
    for _ in range(2):
        world.session(NOW + ROTATE_AFTER + 1)
    present = world.server.key
    world.server = ModelServer(backup)
    assert world.session(NOW) and world.server.next == present
    assert world.session(NOW) and (world.server.key, world.server.next) == (present, None)


def test_what_is_not_the_announced_key_changes_nothing(tmp_path: Path) -> None:
    box = fresh(tmp_path)
    assert not box.next_kept(SigningKey.generate().public)
    old, new = box.announce(NOW)
    assert box.announce(NOW + 5)[1].secret == new.secret
    assert not box.next_kept(old.public)
    assert secrets_of(box) == [old.secret, new.secret]
    assert box.next_kept(new.public)
    assert secrets_of(box) == [new.secret, old.secret]
