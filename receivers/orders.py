"""Commands: which are good, and what became of them. Pure but for the one file.

An order is taken when the pinned server signed it, for this box, in this session, with a number
greater than any before, and before it expires by the server's own clock as this session tells it;
the box's clock plays no part. Its number is on the disk before anything is done, so that none is
taken twice, not after a power cut either. One that comes again in a later session, because the
server never heard what became of it, is answered with that and not done again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from loa.codecs.control.messages import Ack, Command, Count, MessageError, Short
from loa.codecs.control.orders import Order, Reboot, decode_order
from loa.codecs.control.signing import PublicKey, Purpose
from loa.receivers.files import write_durably

REMEMBERED = 64
"""Outcomes that are kept, the newest."""
MOST_REASON = 200
AMBIGUOUS = "the box was restarted while it was being done"

State = Literal["received", "started", "finished", "failed"]


class OrderRefused(Exception):
    """This command is not obeyed. ``code``: unsigned, unreadable, mistargeted, stale, replayed or
    expired; ``number`` is 0 where what stands in it cannot be believed."""

    def __init__(self, code: str, number: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.number = number


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of an order; ``do`` is its action's name, ``digest`` tells it from others.

    (A book of an earlier version knew the names only; such an outcome has no digest.)
    """

    number: Count
    do: Short
    state: State
    digest: bytes = b""
    reason: Short = ""
    result: Annotated[str, Meta(max_length=4000)] = ""

    @property
    def over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.state in ("finished", "failed")

    def ack(self) -> Ack:
        """Return it as it is told."""
        return Ack(number=self.number, state=self.state, reason=self.reason, result=self.result)


class _Kept(Struct, frozen=True, kw_only=True):
    newest: Count
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """What orders of this session must be: for this receiver, with this nonce, by these keys."""

    receiver: int
    session: bytes
    keys: tuple[PublicKey, ...]


class OrderBook:
    """The numbers of orders and what became of them, in one file that survives power cuts.

    A book whose file is damaged begins with the number that ``floor`` says; the server is told it
    by ``Hello.commands``. Raises ``OSError`` where the file cannot be written: then nothing is
    obeyed, for it could be obeyed again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.damaged = False
        kept = self._read()
        self.newest = kept.newest
        self._outcomes = {outcome.number: outcome for outcome in kept.outcomes}

    def take(self, command: Command, bound: Bound, unix: float) -> Order | Outcome:
        """Return the order to be done now, its number written down; or what became of it before.

        ``unix``: the server's time by this session. Raises ``OrderRefused`` and ``OSError``.
        """
        if not any(
            key.verifies(Purpose.COMMAND, command.body, command.signature) for key in bound.keys
        ):
            raise OrderRefused("unsigned")
        try:
            order = decode_order(command.body)
        except MessageError:
            raise OrderRefused("unreadable") from None
        if order.receiver != bound.receiver:
            raise OrderRefused("mistargeted")
        if order.session != bound.session:
            raise OrderRefused("stale")
        if order.number <= self.newest:
            known = self._outcomes.get(order.number)
            if known is None or not _is_of(known, order):
                raise OrderRefused("replayed", order.number)
            return known
        if unix >= order.expires:
            raise OrderRefused("expired", order.number)
        self.note(order, "received")
        return order

    def note(self, order: Order, state: State, reason: str = "", result: str = "") -> Outcome:
        """Write down what became of an order, and return it. Raises ``OSError``."""
        return self._note(
            Outcome(
                number=order.number, do=name_of(order), state=state, digest=digest_of(order),
                reason=reason[:MOST_REASON], result=result[:4000],
            )
        )  # fmt: skip

    def started_again(self) -> list[Outcome]:
        """The box has started: say what became of what was under way. Raises ``OSError``.

        A restart that was ordered is done by that; of anything else nobody knows how far it came.
        """
        done = []
        for outcome in list(self._outcomes.values()):
            if outcome.over:
                continue
            if outcome.do == Reboot.__struct_config__.tag and outcome.state == "started":
                changed = msgspec.structs.replace(outcome, state="finished")
            else:
                changed = msgspec.structs.replace(outcome, state="failed", reason=AMBIGUOUS)
            done.append(self._note(changed))
        return done

    def outcome(self, number: int) -> Outcome | None:
        """Return what became of an order; None when that is not known (any more)."""
        return self._outcomes.get(number)

    def _note(self, outcome: Outcome) -> Outcome:
        outcomes = {**self._outcomes, outcome.number: outcome}
        while len(outcomes) > REMEMBERED:
            del outcomes[min(outcomes)]
        newest = max(self.newest, outcome.number)
        kept = _Kept(newest=newest, outcomes=tuple(outcomes.values()))
        write_durably(self._path, msgspec.json.encode(kept))
        self.newest, self._outcomes = newest, outcomes
        return outcome

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return _Kept(newest=0)
        except msgspec.DecodeError:
            # Every session has a nonce of its own, so nothing old can be played back all the same.
            self.damaged = True
            return _Kept(newest=0)


def name_of(order: Order) -> str:
    """Return the name of what is ordered."""
    return str(type(order.action).__struct_config__.tag)


def digest_of(order: Order) -> bytes:
    """Return what tells an order from every other one of its number: what it says, and since when.

    A server that was restored from a backup may count a number twice. Session and expiry are left
    out, for the same order comes again in another session.
    """
    return hashlib.sha256(msgspec.json.encode((order.issued, order.action))).digest()[:16]


def _is_of(known: Outcome, order: Order) -> bool:
    if not known.digest:
        return known.do == name_of(order)
    return known.digest == digest_of(order)


def refusal(error: OrderRefused) -> Ack:
    """Return a refusal as it is told."""
    return Ack(number=error.number, state="refused", reason=error.code)
