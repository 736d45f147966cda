"""What a box can be ordered to do, each by the part that can."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loa.codecs.control import orders
from loa.codecs.control.orders import Action, Order
from loa.receivers.agenda import Need
from loa.receivers.clock import TICK
from loa.receivers.obeying import CannotDo, Do, Later
from loa.receivers.ordered import MOST_AHEAD, heard
from loa.receivers.parts import Cause, Wanted
from loa.receivers.relay import CommandError, run
from loa.receivers.selftest import tone_check

if TYPE_CHECKING:
    from loa.receivers.box import Box

REBOOT_SECONDS = 60.0
FETCH_SECONDS = 300.0


async def _the_end() -> str:
    """Wait for it: what was ordered is finished once the box is back, and says so then."""
    await asyncio.Event().wait()
    return ""


def deeds(box: Box) -> dict[type[Action], Do]:
    """Return what ``Obeying`` is to call, by the type of the action."""

    async def play(action: Action, order: Order) -> str | Later:
        assert isinstance(action, orders.Play)
        place = box.timeline.tick(box.clock())
        ahead = 0.0 if place is None else (action.start - place) * TICK
        if ahead > MOST_AHEAD:
            raise CannotDo("its time is more than a day ahead")
        wanted = Wanted(
            action.start, "bulletin", action.cls, action.play, action.audio, 0, action.ticks,
            bulletin=action.bulletin, sign=action.sign, cause=Cause.ORDER,
        )  # fmt: skip
        if not box.cache.has(action.audio):
            need = Need(action.audio, action.size, box.unix() or 0.0, action.cls)
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    await box.fetching.fetched(need)
            except TimeoutError:
                why = box.fetching.full or "the line is too slow, or its data is used up"
                raise CannotDo(f"it could not be fetched: {why}") from None
        end = box.carriage.play(wanted)
        if end is None:
            raise CannotDo("it cannot be read")
        return heard(end, max(0.0, ahead) + action.ticks * TICK)

    async def stop(action: Action, _order: Order) -> str:
        assert isinstance(action, orders.Stop)
        return "" if box.carriage.stop(action.play) else "nothing was on"

    async def sync(_action: Action, _order: Order) -> str:
        box.fetching.sync()
        files, size = box.fetching.waiting
        return f"{files} files, {size / 1e6:.1f} MB to fetch; {box.journal.waiting} entries wait"

    async def volume(action: Action, _order: Order) -> str:
        assert isinstance(action, orders.Volume)
        box.horn.order(action.percent)
        return f"{box.horn.volume(0)} %"

    async def reboot(action: Action, _order: Order) -> str:
        assert isinstance(action, orders.Reboot)
        if not action.machine:
            box.end("restart")
            return await _the_end()
        words = box.config.machine.reboot
        if not words:
            raise CannotDo("its configuration names no command for that (machine.reboot)")
        try:
            await run(words, b"", REBOOT_SECONDS)
        except CommandError as error:
            raise CannotDo(str(error)) from None
        box.end("reboot")
        return await _the_end()

    async def self_test(action: Action, _order: Order) -> str:
        assert isinstance(action, orders.SelfTest)
        more = {"tone": tone_check(box.horn)} if action.aloud else {}
        tested = await box.self_test.test("order", more)
        return tested.text()

    async def use(action: Action, _order: Order) -> str:
        assert isinstance(action, orders.Set)
        if not box.settings.replace(action.settings):
            return f"version {box.settings.now.version} holds"
        return f"version {action.settings.version}"

    async def sign(action: Action, _order: Order) -> str:
        assert isinstance(action, orders.SignText)
        if not box.sign.there:
            raise CannotDo("there is no sign")
        box.sign.order(action.text, action.until)
        return ""

    async def new_key(_action: Action, _order: Order) -> str:
        box.link.keys.rotate(box.unix() or 0.0)
        return ""

    return {
        orders.Play: play,
        orders.Stop: stop,
        orders.Sync: sync,
        orders.Volume: volume,
        orders.Reboot: reboot,
        orders.SelfTest: self_test,
        orders.Set: use,
        orders.SignText: sign,
        orders.NewKey: new_key,
    }
