"""Who makes room at the door while it is full."""

from __future__ import annotations

from loa.streamer.fleet.strangers import PATIENCE, Strangers


def test_one_address_cannot_keep_others_out() -> None:
    strangers: Strangers[int] = Strangers(10)
    for n in range(10):
        assert not strangers.full("attacker", 0.0)
        assert strangers.add(n, "attacker", 0.0) is None
    assert strangers.full("attacker", 0.1)
    gone = []
    for n in range(10, 14):
        assert not strangers.full("operator", 0.1)
        gone.append(strangers.add(n, "operator", 0.1))
    assert gone == [0, 1, 2, 3]
    # Each has its share now: neither takes the other's.
    strangers.add(14, "operator", 0.1)
    assert strangers.full("operator", 0.2) and strangers.full("attacker", 0.2)
    assert len(strangers) == 10


def test_who_has_had_time_enough_makes_room_for_his_neighbours() -> None:
    strangers: Strangers[int] = Strangers(3)
    for n in range(3):
        strangers.add(n, "operator", float(n))
    assert strangers.full("operator", PATIENCE - 0.1)
    assert not strangers.full("operator", PATIENCE)
    assert strangers.add(3, "operator", PATIENCE) == 0
    assert strangers.full("operator", PATIENCE)
    strangers.discard(1)
    strangers.discard(1)
    strangers.discard(0)
    assert not strangers.full("operator", PATIENCE) and sorted(strangers) == [2, 3]


def test_many_addresses_with_one_each_do_not_keep_another_out_for_long() -> None:
    strangers: Strangers[int] = Strangers(5)
    for n in range(5):
        strangers.add(n, f"bot {n}", 0.0)
    assert strangers.full("operator", 0.1)
    assert strangers.add(5, "operator", PATIENCE) == 0
