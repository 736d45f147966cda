"""What of the schedules has to be looked at again, and that nothing of it is lost."""

from __future__ import annotations

import pytest

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.desk.desk import Happening
from loa.streamer.fleet.agenda_wishes import MOST_WITHDRAWN, Gathered, Wishes

TREE = AreaTree(
    [
        Area("/tinh", "Tỉnh", station=True, id=1),
        Area("/tinh/xa", "Xã", station=True, id=2),
        Area("/tinh/xa/thon", "Thôn", id=3),
        Area("/tinh/xa-khac", "Xã khác", station=True, id=4),
    ]
)


def happened(kind: str, area: int | None = None, subject: str = "") -> Happening:
    return Happening(kind, 0.0, "test", area, subject, {})


@pytest.fixture
def gathered() -> Gathered:
    made = Gathered(lambda: TREE)
    assert made.take() == Wishes(everything=True, now=True), "at the start nothing is known"
    assert not made.open
    return made


@pytest.mark.parametrize(
    ("happening", "wishes"),
    [
        (happened("emergency.called", 2), Wishes(calls=True, now=True)),
        (happened("area.moved", 2), Wishes(everything=True)),
        (happened("receiver.enrolled", 3), Wishes(everything=True)),
        (happened("receivers.identity_changed"), Wishes(everything=True, now=True)),
        (happened("entry.added", 3), Wishes(stations={2})),
        (happened("entry.added", 99), Wishes(everything=True)),
        (happened("policy.changed", 1), Wishes(stations={1, 2, 4})),
        (happened("holiday.added"), Wishes(everything=True)),
        (happened("bulletin.approved", 2, "bulletin/7"), Wishes(bulletins={7})),
        (happened("bulletin.withdrawn", 2, "bulletin/7"), Wishes(bulletins={7}, now=True)),
    ],
)
def test_what_happens_is_looked_at(
    gathered: Gathered, happening: Happening, wishes: Wishes
) -> None:
    assert gathered.heard(happening)
    assert gathered.open == wishes and gathered.open


def test_what_is_nobodys_business_is_passed_over(gathered: Gathered) -> None:
    for kind, subject in (("account.made", "account/1"), ("bulletin.approved", "bulletin/new")):
        assert not gathered.heard(happened(kind, 2, subject))
    assert not gathered.open


def test_what_failed_is_open_again_beside_what_came_meanwhile(gathered: Gathered) -> None:
    gathered.heard(happened("entry.added", 3))
    gathered.heard(happened("emergency.called", 2))
    taken = gathered.take()
    gathered.heard(happened("entry.added", 4))
    gathered.heard(happened("bulletin.approved", 2, "bulletin/7"))
    gathered.open.add(taken)
    assert gathered.open == Wishes(stations={2, 4}, bulletins={7}, calls=True, now=True)


def test_the_newest_withdrawals_are_known(gathered: Gathered) -> None:
    for number in range(MOST_WITHDRAWN + 5):
        gathered.heard(happened("bulletin.withdrawn", 2, f"bulletin/{number}"))
    assert len(gathered.withdrawn) == MOST_WITHDRAWN and 4 not in gathered.withdrawn
