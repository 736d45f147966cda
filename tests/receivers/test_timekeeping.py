"""What time it is: nobody is believed who should not be, and an unknown time stays unknown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers.timekeeping import DRIFT, NTP_AGREES, DayTime, LinuxMachine, Source

NOW = 1_790_000_000.0
YEAR = 365 * 86_400.0


@dataclass
class Told:
    """What the machine and the session say."""

    boot: str = "a"
    ntp: float | None = None
    clock: float | None = None
    session: float | None = None

    def synchronized(self) -> float | None:
        return self.ntp

    def battery(self) -> float | None:
        return self.clock

    def server(self, now: float) -> float | None:
        return None if self.session is None else self.session + now


def day(folder: Path, told: Told, now: float) -> DayTime:
    return DayTime(folder / "time.json", told, told.server, now)


def test_nobody_knows_until_somebody_says(tmp_path: Path) -> None:
    told = Told()
    clock = day(tmp_path, told, 10.0)
    assert clock.unix(20.0) is None and clock.source is None
    told.session = NOW
    assert clock.unix(30.0) == NOW + 30
    told.session = None
    assert clock.unix(1000.0) == NOW + 1000 and clock.source is Source.SERVER


def test_it_goes_on_in_the_same_boot_and_not_after_a_power_cut(tmp_path: Path) -> None:
    told = Told(session=NOW)
    day(tmp_path, told, 10.0).close(50.0)
    told.session = None
    again = day(tmp_path, told, 80.0)
    assert again.unix(100.0) == NOW + 100 and again.boots == 1
    told.boot = "b"
    after = day(tmp_path, told, 5.0)
    assert after.unix(6.0) is None and after.boots == 2
    assert day(tmp_path, told, 7.0).unix(8.0) is None


def test_ntp_is_believed_but_not_against_the_server(tmp_path: Path) -> None:
    told = Told(ntp=NOW)
    clock = day(tmp_path, told, 0.0)
    assert clock.unix(10.0) == NOW + 10 and clock.source is Source.NTP
    told.session, told.ntp = NOW + 5, None
    assert clock.unix(20.0) == NOW + 25
    told.session, told.ntp = None, NOW + YEAR
    clock.look(30.0)
    assert clock.unix(40.0) == NOW + 45 and clock.counters["clock.ntp_refused"] == 1
    told.ntp = NOW + 50.0  # within what drift may do
    clock.look(50.0)
    assert clock.unix(50.0) == NOW + 50


def test_ntp_of_before_what_was_known_is_refused(tmp_path: Path) -> None:
    told = Told(session=NOW)
    day(tmp_path, told, 10.0).close(20.0)
    told.session, told.boot, told.ntp = None, "b", NOW - YEAR
    clock = day(tmp_path, told, 0.0)
    assert clock.unix(1.0) is None
    told.ntp = NOW + 7200
    clock.look(2.0)
    assert clock.unix(2.0) == NOW + 7200


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["ntp", "ntp", "asked", "restart"]),
            st.integers(0, 90_000),
            st.one_of(st.floats(-1e10, 1e10), st.floats(-400, 400), st.just(299.0)),
        ),
        min_size=1, max_size=25,
    )
)  # fmt: skip
def test_whatever_ntp_says_the_servers_word_holds(
    steps: list[tuple[str, int, float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without a session for days: NTP may say what it likes, and as often as it likes."""
    folder = tmp_path_factory.mktemp("time")
    told = Told(session=NOW)
    now = 100.0
    clock = day(folder, told, now)
    told.session = None
    for what, wait, wrong in steps:
        now += wait
        before = clock.unix(now)
        assert before is not None
        if what == "ntp":
            told.ntp = before + wrong
            clock.look(now)
            told.ntp = None
        elif what == "asked":
            clock.heard(before + wrong, now)
        else:
            clock.close(now)
            clock = day(folder, told, now)
        said = clock.unix(now)
        assert said is not None
        assert abs(said - (NOW + now)) <= NTP_AGREES + DRIFT * (now - 100.0) + 1e-3


def test_ntp_that_walks_away_is_refused(tmp_path: Path) -> None:
    told = Told(session=NOW)
    clock = day(tmp_path, told, 0.0)
    told.session = None
    for turn in range(1, 13):
        clock.heard((clock.unix(15.0 * turn) or 0.0) + 9.0, 15.0 * turn)
    assert abs((clock.unix(180.0) or 0.0) - (NOW + 180)) <= NTP_AGREES + 1
    assert clock.counters["clock.ntp_refused"] >= 10


def test_what_ntp_said_is_no_bound_for_later(tmp_path: Path) -> None:
    told = Told(session=NOW)
    day(tmp_path, told, 10.0).close(20.0)
    # In the next boot somebody answers for NTP: not from another age, but from next spring.
    told.session, told.boot, told.ntp = None, "b", NOW + 3 * YEAR
    clock = day(tmp_path, told, 0.0)
    assert clock.unix(1.0) is None and clock.counters["clock.ntp_refused"] == 1
    told.ntp = NOW + 200 * 86_400.0
    clock.look(2.0)
    assert clock.source is Source.NTP
    clock.close(3.0)
    # Whoever says the truth is believed: in that boot, and in the next.
    told.ntp = NOW + 3600
    clock.look(4.0)
    assert clock.unix(4.0) == NOW + 3600
    told.ntp = NOW + 200 * 86_400.0
    clock.look(5.0)
    clock.close(6.0)
    told.boot, told.ntp = "c", NOW + 7200
    assert day(tmp_path, told, 0.0).unix(0.0) == NOW + 7200


def test_a_box_that_knows_nothing_yet_takes_ntp_from_its_enrolment_on(tmp_path: Path) -> None:
    told = Told(ntp=NOW)
    assert day(tmp_path / "none", told, 0.0).unix(0.0) == NOW
    for says, believed in ((NOW, True), (NOW - YEAR, False), (NOW + 2 * YEAR, False)):
        told.ntp = says
        clock = DayTime(tmp_path / "none" / "at all", told, told.server, 0.0, least=NOW - 86_400)
        assert clock.unix(0.0) == (says if believed else None)


@pytest.mark.parametrize(
    ("says", "believed"),
    [(NOW + 3600, True), (NOW - 3600, False), (0.0, False), (NOW + 3 * YEAR, False)],
)
def test_a_clock_with_a_battery(tmp_path: Path, says: float, believed: bool) -> None:
    told = Told(session=NOW)
    day(tmp_path, told, 0.0).close(0.0)
    told.session, told.boot, told.clock = None, "b", says
    assert day(tmp_path, told, 5.0).unix(5.0) == (says if believed else None)


def test_a_damaged_file_and_a_full_disk_cost_only_the_time(tmp_path: Path) -> None:
    (tmp_path / "time.json").write_bytes(b'{"boot": 3')
    told = Told(session=NOW)
    clock = day(tmp_path, told, 1.0)
    assert clock.counters["clock.damaged"] == 1 and clock.unix(2.0) == NOW + 2
    (tmp_path / "time.json").unlink()
    (tmp_path / "time.json").mkdir()
    clock.close(3.0)
    assert clock.counters["clock.not_kept"] == 1 and clock.unix(4.0) == NOW + 4


@settings(deadline=None, derandomize=True, max_examples=150)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["wait", "session", "part", "restart", "power", "ntp", "system"]),
            st.integers(1, 100_000),
        ),
        max_size=25,
    )
)
def test_what_it_says_is_true_or_nothing(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever happens, and wherever somebody sets the system's clock: it is right or unknown."""
    folder = tmp_path_factory.mktemp("time")
    true, monotonic, boot = NOW, 100.0, 0
    told = Told(boot="0")
    clock = day(folder, told, monotonic)
    known = False
    for what, amount in steps:
        true, monotonic = true + amount, monotonic + amount
        if what == "session":
            told.session, known = true - monotonic, True
            clock.unix(monotonic)
        elif what == "part":
            told.session = None
        elif what == "restart":
            clock = day(folder, told, monotonic)
            # Unless it was killed before it was ever kept: then it was never known.
        elif what == "power":
            boot += 1
            monotonic = 5.0
            told.boot, told.session, told.ntp = str(boot), None, None
            clock = day(folder, told, monotonic)
            known = False
        elif what == "ntp":
            told.ntp, known = true, True
            clock.look(monotonic)
            told.ntp = None
        elif what == "system":
            told.ntp = None  # the kernel says "not synchronized" once somebody sets the clock
            clock.look(monotonic)
        if told.session is not None:
            told.session = true - monotonic
        said = clock.unix(monotonic)
        assert (said is not None) == known
        if said is not None:
            assert abs(said - true) < 1e-3


def test_this_machine_has_a_boot_and_an_answer() -> None:
    machine = LinuxMachine()
    assert machine.boot and machine.battery() is None
    said = machine.synchronized()
    assert said is None or said > NOW - 10 * YEAR
    assert LinuxMachine(battery=True).battery() is not None
