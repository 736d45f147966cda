from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.timeline import EPOCH, read_clock, start_tick, tick_of


def test_ticks_are_twenty_milliseconds_from_the_epoch():
    assert tick_of(EPOCH) == 0
    assert tick_of(EPOCH + 0.0199) == 0
    assert tick_of(EPOCH + 0.0201) == 1
    assert tick_of(EPOCH + 3600) == 180_000


def test_a_clock_before_the_epoch_gives_the_first_tick():
    assert tick_of(0) == 0


@settings(deadline=None, derandomize=True)
@given(st.floats(0, 4e9), st.none() | st.integers(0, 2**40))
def test_a_start_never_goes_back(unix: float, high_water: int | None):
    tick = start_tick(unix, high_water)
    assert tick >= tick_of(unix)
    if high_water is not None:
        assert tick > high_water
        assert tick in (tick_of(unix), high_water + 1)


def test_a_clock_reading_says_how_uncertain_it_is():
    reading = read_clock(100, 50.0, 60.0, 1_800_000_010.0, 60.004)
    assert abs(reading.unix - (1_800_000_010.0 - 10.002)) < 1e-6
    assert abs(reading.uncertainty - 0.002) < 1e-9
