import pytest

from loa.streamer.core.attempts import Attempts, Guesses, household


def test_ten_failures_block_and_time_lets_one_more_through() -> None:
    attempts = Attempts(limit=10, window=60.0)
    for _ in range(10):
        assert not attempts.blocked("a", 100.0)
        attempts.failed("a", 100.0)
    assert attempts.blocked("a", 100.0)
    assert not attempts.blocked("b", 100.0)
    assert attempts.blocked("a", 105.9)
    assert not attempts.blocked("a", 106.1)
    attempts.failed("a", 106.1)
    assert attempts.blocked("a", 106.2)
    assert not attempts.blocked("a", 1000.0)


def test_failing_while_blocked_does_not_block_for_ever() -> None:
    attempts = Attempts(limit=3, window=30.0)
    for _ in range(1000):
        attempts.failed("a", 0.0)
    assert attempts.blocked("a", 9.9)
    assert not attempts.blocked("a", 10.1)


def test_the_table_is_bounded() -> None:
    attempts = Attempts(size=8)
    for number in range(1000):
        attempts.failed(number, 0.0)
    assert len(attempts) == 8


def test_another_area_for_every_guess_does_not_help() -> None:
    guesses = Guesses(here=10, anywhere=200)
    for number in range(200):
        assert not guesses.blocked("a", f"/{number}", 0.0)
        guesses.failed("a", f"/{number}", 0.0)
    assert guesses.blocked("a", "/new", 0.0)
    assert not guesses.blocked("b", "/new", 0.0)


def test_a_mistake_at_one_area_does_not_block_the_others() -> None:
    guesses = Guesses()
    for _ in range(50):
        guesses.failed("a", "/x", 0.0)
    assert guesses.blocked("a", "/x", 0.0)
    assert not guesses.blocked("a", "/y", 0.0)


def test_what_was_no_failure_is_taken_back() -> None:
    attempts = Attempts(limit=3, window=30.0)
    for _ in range(3):
        attempts.failed("a", 0.0)
    attempts.forgive("a", 0.0)
    assert not attempts.blocked("a", 0.0)
    for _ in range(5):
        attempts.forgive("a", 0.0)
    assert len(attempts) == 0


def test_how_long_to_wait() -> None:
    attempts = Attempts(limit=3, window=30.0)
    assert attempts.wait("a", 0.0) == 0
    for _ in range(3):
        attempts.failed("a", 0.0)
    assert abs(attempts.wait("a", 4.0) - 6.0) < 1e-6
    assert not attempts.blocked("a", 10.001)


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a socket", "a socket"),
    ],
)
def test_a_network_of_addresses_is_one_guesser(peer: str, counted: str) -> None:
    assert household(peer) == counted
