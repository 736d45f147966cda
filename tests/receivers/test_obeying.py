"""Orders being done: acknowledged at each step, refused with a reason, remembered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from loa.codecs.control.messages import Ack, Message, Welcome
from loa.codecs.control.orders import Action, Order, Play, Reboot, SelfTest, Sync, Volume
from loa.receivers.obeying import MOST_AT_ONCE, CannotDo, Later, Obeying
from loa.receivers.ordered import NOT_TAKEN, Ordered, heard
from loa.receivers.orders import AMBIGUOUS, Bound, OrderBook
from loa.receivers.parts import Origin, Played, Wanted
from support.orders import HERE, NOW, command

PLAY = Play(audio=bytes(32), size=1, ticks=1, start=0, play="o")
WELCOME = Welcome(version=1, tick=0.0, unix=NOW)


@dataclass
class FakeLine:
    up: bool = True
    down_since: float | None = None
    bound: Bound | None = HERE
    sent: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> bool:
        if self.up:
            self.sent.append(message)
        return self.up

    def states(self, number: int = 1) -> list[str]:
        return [a.state for a in self.sent if isinstance(a, Ack) and a.number == number]


@dataclass
class FakeJournal:
    entries: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def record(self, kind: str, /, **details: object) -> None:
        self.entries.append((kind, details))

    def played(self, played: Played) -> None:
        raise AssertionError


async def loud(action: Action, order: Order) -> str:
    assert isinstance(action, Volume)
    return f"{action.percent} %"


async def unable(action: Action, order: Order) -> str:
    raise CannotDo("no command to restart the machine is configured")


async def broken(action: Action, order: Order) -> str:
    raise ZeroDivisionError("oops")


async def endless(action: Action, order: Order) -> str:
    await asyncio.Event().wait()
    return ""


def obeying(path: Path, line: FakeLine, journal: FakeJournal | None = None) -> Obeying:
    does = {Volume: loud, Reboot: unable, SelfTest: broken, Sync: endless}
    return Obeying(
        OrderBook(path / "orders"), line, line, lambda now: NOW,
        journal or FakeJournal(), dict(does),
    )  # fmt: skip


async def settle(box: Obeying) -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_each_step_is_acknowledged(tmp_path: Path) -> None:
    line, journal = FakeLine(), FakeJournal()
    box = obeying(tmp_path, line, journal)
    box.take(command(1), 0.0)
    await settle(box)
    assert line.states() == ["received", "started", "finished"]
    assert line.sent[-1] == Ack(number=1, state="finished", result="50 %")
    assert journal.entries == [
        ("order", {"number": 1, "do": "volume", "state": "finished", "reason": ""})
    ]


async def test_what_cannot_be_done_says_why(tmp_path: Path) -> None:
    line = FakeLine()
    box = obeying(tmp_path, line)
    box.take(command(1, Reboot()), 0.0)
    box.take(command(2, SelfTest()), 0.0)
    await settle(box)
    reasons = {a.number: a.reason for a in line.sent if isinstance(a, Ack) and a.reason}
    assert reasons == {
        1: "no command to restart the machine is configured",
        2: "ZeroDivisionError: oops",
    }


async def test_a_refusal_is_told_and_recorded(tmp_path: Path) -> None:
    line, journal = FakeLine(), FakeJournal()
    box = obeying(tmp_path, line, journal)
    box.take(command(1, receiver=8), 0.0)
    assert line.sent == [Ack(number=0, state="refused", reason="mistargeted")]
    assert journal.entries == [("order_refused", {"number": 0, "reason": "mistargeted"})]
    assert box.refused == 1


async def test_without_a_session_nothing_is_obeyed(tmp_path: Path) -> None:
    line = FakeLine(bound=None)
    obeying(tmp_path, line).take(command(1), 0.0)
    assert line.sent == [Ack(number=0, state="refused", reason="stale")]


async def test_what_became_of_it_is_told_when_the_line_is_back(tmp_path: Path) -> None:
    line = FakeLine()
    box = obeying(tmp_path, line)
    box.take(command(1), 0.0)
    line.up = False
    await settle(box)
    assert line.states() == ["received"]
    line.up = True
    box.welcomed(WELCOME)
    assert line.states() == ["received", "finished"]
    box.welcomed(WELCOME)
    assert line.states() == ["received", "finished"]


async def test_too_many_at_once_fail_and_the_box_goes_on(tmp_path: Path) -> None:
    line = FakeLine()
    box = obeying(tmp_path, line)
    for number in range(1, MOST_AT_ONCE + 2):
        box.take(command(number, Sync()), 0.0)
    assert line.states(MOST_AT_ONCE + 1) == ["received", "failed"]
    await settle(box)
    await box.close()
    restarted = FakeLine()
    again = obeying(tmp_path, restarted)
    again.welcomed(WELCOME)
    assert restarted.states() == ["failed"]


async def test_what_waits_for_its_time_is_started_until_it_is_over(tmp_path: Path) -> None:
    line, ends = FakeLine(), [asyncio.get_running_loop().create_future() for _ in range(20)]
    left = list(ends)
    box = obeying(tmp_path, line)

    async def play(action: Action, order: Order) -> str | Later:
        return heard(left.pop(0), 10.0)

    box._does[Play] = play
    for number in range(1, 21):
        box.take(command(number, PLAY), 0.0)
        await settle(box)
    assert line.states(20) == ["received", "started"], "they do not keep others from being done"
    box.take(command(21), 0.0)
    ends[0].set_result("")
    ends[1].set_result("stop")
    await settle(box)
    assert line.states(21)[-1] == line.states(1)[-1] == "finished"
    assert line.sent[-1] == Ack(number=2, state="failed", reason="it was stopped")
    await box.close()


async def test_what_waited_when_the_box_was_restarted_has_failed_and_is_on_record(
    tmp_path: Path,
) -> None:
    box = obeying(tmp_path, FakeLine())

    async def play(action: Action, order: Order) -> str | Later:
        return heard(asyncio.get_running_loop().create_future(), 10.0)

    box._does[Play] = play
    box.take(command(1, PLAY), 0.0)
    await settle(box)
    await box.close()
    line, journal = FakeLine(), FakeJournal()
    again = obeying(tmp_path, line, journal)
    again.started()
    again.welcomed(WELCOME)
    assert line.sent == [Ack(number=1, state="failed", reason=AMBIGUOUS)]
    assert journal.entries == [
        ("order", {"number": 1, "do": "play", "state": "failed", "reason": AMBIGUOUS})
    ]


async def test_a_playing_of_which_the_device_took_nothing_was_not_heard() -> None:
    ordered, wanted = Ordered(), Wanted(0, "bulletin", play="o")
    for counts, why in (((0, 0), NOT_TAKEN), ((0, 3), ""), ((None, None), "")):
        end = ordered.begin(wanted)
        for device in counts:
            ordered.played(
                Played(wanted, Origin.CACHE, 0.0, 0, 3, 3, 3, device, None, 0, 0, 80, 0, True)
            )
        ordered.over(wanted, "")
        assert end.result() == why


async def test_a_disk_that_is_full_obeys_nothing_and_says_so(tmp_path: Path) -> None:
    line = FakeLine()
    box = obeying(tmp_path / "gone", line)
    box.take(command(1), 0.0)
    (ack,) = line.sent
    assert isinstance(ack, Ack)
    assert ack.state == "refused"
    assert ack.reason.startswith("disk: ")
