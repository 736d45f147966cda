"""Commands that are obeyed, and those that are not: each fault of the issue is a case here."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.messages import Command
from loa.codecs.control.orders import Order, Reboot, SelfTest, Volume
from loa.codecs.control.signing import Purpose, SigningKey
from loa.receivers.orders import AMBIGUOUS, Bound, OrderBook, OrderRefused, Outcome
from support.orders import HERE, NONCE, NOW, OTHER_NONCE, SERVER, command


@pytest.fixture
def book(tmp_path: Path) -> OrderBook:
    return OrderBook(tmp_path / "orders")


def take(book: OrderBook, command: Command, bound: Bound = HERE, unix: float = NOW) -> Order:
    order = book.take(command, bound, unix)
    assert isinstance(order, Order)
    return order


def test_a_good_command_is_taken(book: OrderBook) -> None:
    assert take(book, command(3)).action == Volume(percent=50)
    assert book.newest == 3


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (command(key=SigningKey(bytes(32))), "unsigned"),
        (command(purpose=Purpose.SCHEDULE), "unsigned"),
        (Command(body=b"{}", signature=SERVER.sign(Purpose.COMMAND, b"{}")), "unreadable"),
        (command(receiver=8), "mistargeted"),
        (command(session=OTHER_NONCE), "stale"),
        (command(expires=NOW), "expired"),
    ],
)
def test_others_are_refused_and_leave_no_trace(book: OrderBook, given: Command, code: str) -> None:
    with pytest.raises(OrderRefused) as refused:
        book.take(given, HERE, NOW)
    assert refused.value.code == code
    assert book.newest == 0
    take(book, command(1))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.data())
def test_an_altered_command_is_unsigned(data: st.DataObject) -> None:
    good = command()
    body = bytearray(good.body)
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(OrderRefused, match="unsigned"):
        OrderBook(Path("/nonexistent/orders")).take(
            Command(body=bytes(body), signature=good.signature), HERE, NOW
        )


def test_it_is_taken_once_whatever_happens_between(tmp_path: Path) -> None:
    once = command(5)
    take(OrderBook(tmp_path / "orders"), once)
    again = OrderBook(tmp_path / "orders")  # a power cut
    assert isinstance(again.take(once, HERE, NOW), Outcome)
    with pytest.raises(OrderRefused, match="replayed"):
        again.take(command(4), HERE, NOW)
    with pytest.raises(OrderRefused, match="replayed"):
        again.take(command(5, SelfTest()), HERE, NOW)


def test_the_boxs_own_clock_plays_no_part(book: OrderBook) -> None:
    # The session says what time it is; a box that believes it is 1970 obeys, and refuses, alike.
    take(book, command(1, expires=NOW + 1), unix=NOW)
    with pytest.raises(OrderRefused, match="expired"):
        book.take(command(2, expires=NOW + 1), HERE, NOW + 1)


def test_what_became_of_it_is_told_when_it_comes_again(book: OrderBook) -> None:
    order = take(book, command(2))
    book.note(order, "finished", result="50 %")
    later = Bound(7, OTHER_NONCE, (SERVER.public,))
    found = book.take(command(2, session=OTHER_NONCE), later, NOW)
    assert isinstance(found, Outcome)
    assert (found.state, found.result) == ("finished", "50 %")


def test_another_order_of_a_number_is_not_answered_with_what_became_of_the_first(
    tmp_path: Path,
) -> None:
    book = OrderBook(tmp_path / "orders")
    book.note(take(book, command(11, Volume(percent=60))), "finished", result="60 %")
    again = OrderBook(tmp_path / "orders")
    later = Bound(7, OTHER_NONCE, (SERVER.public,))
    for other in (
        command(11, Volume(percent=20), session=OTHER_NONCE),
        command(11, Volume(percent=60), session=OTHER_NONCE, issued=NOW + 1),
    ):
        with pytest.raises(OrderRefused, match="replayed"):
            again.take(other, later, NOW)
    same = command(11, Volume(percent=60), session=OTHER_NONCE, expires=NOW + 90)
    assert isinstance(again.take(same, later, NOW), Outcome)


def test_a_book_of_an_earlier_version_knows_its_orders_by_name(tmp_path: Path) -> None:
    (tmp_path / "orders").write_bytes(
        b'{"newest":5,"outcomes":[{"number":5,"do":"volume","state":"finished","result":"50 %"}]}'
    )
    book = OrderBook(tmp_path / "orders")
    assert isinstance(book.take(command(5), HERE, NOW), Outcome)
    with pytest.raises(OrderRefused, match="replayed"):
        book.take(command(5, SelfTest()), HERE, NOW)


def test_a_restart_that_was_ordered_is_finished_by_it(tmp_path: Path) -> None:
    book = OrderBook(tmp_path / "orders")
    book.note(take(book, command(1, Reboot())), "started")
    book.note(take(book, command(2, SelfTest())), "started")
    take(book, command(3))
    told = {o.number: o for o in OrderBook(tmp_path / "orders").started_again()}
    assert told[1].state == "finished"
    assert (told[2].state, told[2].reason) == ("failed", AMBIGUOUS)
    assert told[3].state == "failed"
    assert OrderBook(tmp_path / "orders").started_again() == []


def test_a_former_key_is_good_for_as_long_as_it_is_pinned(book: OrderBook) -> None:
    new = SigningKey(bytes([9]) * 32)
    both = Bound(7, NONCE, (new.public, SERVER.public))
    take(book, command(1), both)
    take(book, command(2, key=new), both)
    with pytest.raises(OrderRefused, match="unsigned"):
        book.take(command(3), Bound(7, NONCE, (new.public,)), NOW)


def test_a_book_that_cannot_be_written_obeys_nothing(tmp_path: Path) -> None:
    book = OrderBook(tmp_path / "gone" / "orders")
    with pytest.raises(OSError):
        book.take(command(1), HERE, NOW)
    assert book.newest == 0


def test_a_damaged_book_is_told_and_still_refuses_other_sessions(tmp_path: Path) -> None:
    (tmp_path / "orders").write_bytes(b"\x00\x01")
    book = OrderBook(tmp_path / "orders")
    assert book.damaged
    with pytest.raises(OrderRefused, match="stale"):
        book.take(command(5, session=OTHER_NONCE), HERE, NOW)


def test_it_remembers_the_newest_only(book: OrderBook) -> None:
    for number in range(1, 101):
        take(book, command(number))
    assert book.outcome(36) is None
    assert book.outcome(37) is not None
    with pytest.raises(OrderRefused, match="replayed"):
        book.take(command(36), HERE, NOW)
