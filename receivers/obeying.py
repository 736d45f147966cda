"""Doing what is ordered: takes commands from the line, has them done, tells what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.messages import Ack, Command, FromServer, Message, Welcome
from loa.codecs.control.orders import Action, Order
from loa.receivers.orders import Bound, OrderBook, OrderRefused, Outcome, name_of, refusal
from loa.receivers.parts import Journal, Line

MOST_AT_ONCE = 8
"""Orders under way; a further one fails, for nobody sends so many."""
LONGEST = 600.0
"""Seconds after which an order that is still being done has failed."""


@dataclass(frozen=True, slots=True)
class Later:
    """It goes on by itself, and other orders are done meanwhile. ``end``: what is worth telling
    once it is over, or ``CannotDo``; ``within``: seconds after which it has failed."""

    end: Awaitable[str]
    within: float


Do = Callable[[Action, Order], Awaitable[str | Later]]
"""Does it, and returns what is worth telling. Raises ``CannotDo``."""


class CannotDo(Exception):
    """It cannot be done, or was not; the text says why, for people."""


class Session(Protocol):
    """What of the line orders are bound to."""

    @property
    def bound(self) -> Bound | None:
        """What orders of the session must be; None without one."""


class Obeying:
    """A part of the box. ``does``: by the type of action; what is not in it, this box cannot do."""

    takes: Sequence[type[Message | Audio | Piece]] = (Command,)

    def __init__(
        self,
        book: OrderBook,
        line: Line,
        session: Session,
        unix: Callable[[float], float | None],
        journal: Journal,
        does: dict[type[Action], Do],
    ) -> None:
        self._book = book
        self._line = line
        self._session = session
        self._unix = unix
        self._journal = journal
        self._does = does
        self._tasks: set[asyncio.Task[None]] = set()
        self._later = 0
        """How many of them go on by themselves."""
        self._untold = {outcome.number: outcome for outcome in book.started_again()}
        self.refused = 0

    def started(self) -> None:
        """The box was started: write down what its end made an end of."""
        for outcome in self._untold.values():
            self._record(outcome.number, outcome.do, outcome.state, outcome.reason)

    def welcomed(self, welcome: Welcome) -> None:
        """Tell what was done while there was no line."""
        for number, outcome in list(self._untold.items()):
            if self._line.send(outcome.ack()):
                del self._untold[number]

    def parted(self) -> None:
        """What is being done goes on."""

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        """Take a command."""
        assert isinstance(message, Command)
        bound, unix = self._session.bound, self._unix(now)
        try:
            if bound is None or unix is None:
                raise OrderRefused("stale")
            found = self._book.take(message, bound, unix)
        except OrderRefused as error:
            self.refused += 1
            self._journal.record("order_refused", number=error.number, reason=error.code)
            self._line.send(refusal(error))
            return
        except OSError as error:
            self._line.send(Ack(number=0, state="refused", reason=f"disk: {error.strerror}"))
            return
        if isinstance(found, Outcome):
            self._line.send(found.ack())
            return
        self._line.send(Ack(number=found.number, state="received"))
        if len(self._tasks) - self._later >= MOST_AT_ONCE:
            self._over(found, "failed", "too much is being done already")
            return
        task = asyncio.get_running_loop().create_task(self._do(found))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is being done."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _do(self, order: Order) -> None:
        do = self._does.get(type(order.action))
        if do is None:
            self._over(order, "failed", "this box cannot do that")
            return
        self._note(order, "started")
        try:
            async with asyncio.timeout(LONGEST):
                done = await do(order.action, order)
            result = done if isinstance(done, str) else await self._until_over(done)
        except CannotDo as error:
            self._over(order, "failed", str(error))
        except TimeoutError:
            self._over(order, "failed", "it took too long")
        except Exception as error:  # one order's trouble is not the box's
            self._over(order, "failed", f"{type(error).__name__}: {error}")
        else:
            self._over(order, "finished", result=result)

    async def _until_over(self, later: Later) -> str:
        self._later += 1
        try:
            async with asyncio.timeout(later.within):
                return await later.end
        finally:
            self._later -= 1

    def _over(self, order: Order, state: str, reason: str = "", result: str = "") -> None:
        self._note(order, state, reason, result)
        self._record(order.number, name_of(order), state, reason)

    def _record(self, number: int, do: str, state: str, reason: str) -> None:
        self._journal.record("order", number=number, do=do, state=state, reason=reason)

    def _note(self, order: Order, state: str, reason: str = "", result: str = "") -> None:
        try:
            outcome = self._book.note(order, state, reason, result)  # type: ignore[arg-type]
        except OSError as error:
            self._line.send(
                Ack(number=order.number, state=state, reason=reason or f"disk: {error.strerror}",  # type: ignore[arg-type]
                    result=result)
            )  # fmt: skip
            return
        if not self._line.send(outcome.ack()):
            self._untold[outcome.number] = outcome
