"""When a box tells how it is: after it came, every while, and at once at a threshold, once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.messages import Health, Message, Welcome
from loa.codecs.control.vitals import read, vital
from loa.receivers.machine import machine_vitals
from loa.receivers.vitals import AT_MOST_EVERY, THRESHOLDS, Reporter, Vitals

FINE = {"temperature_c": 50.0, "mains": 1.0}
UNIX = 1_790_000_000.0


def told(reporter: Reporter, now: float, **values: float) -> list[Health]:
    return reporter.look(now, UNIX, {**FINE, **values}, {"operator": "Viettel"})


def test_every_while_and_the_texts_once() -> None:
    reporter = Reporter(900)
    assert told(reporter, 0.0) == []  # no session
    reporter.joined(10.0, 5.0)
    assert told(reporter, 14.0) == []
    values, texts = told(reporter, 15.0)
    assert read(values)[0] == FINE and read(texts)[1] == {"operator": "Viettel"}
    assert told(reporter, 900.0) == []
    assert len(told(reporter, 915.0)) == 1
    reporter.parted()
    assert told(reporter, 5000.0) == []
    reporter.joined(6000.0, 0.0)
    assert len(told(reporter, 6000.0)) == 2


def test_at_once_at_a_threshold_and_no_more_before_it_is_good_again() -> None:
    reporter = Reporter(900)
    reporter.joined(0.0, 0.0)
    told(reporter, 0.0)
    times = [
        now
        for now, celsius in ((100, 76), (110, 74), (120, 76), (130, 69), (140, 67), (200, 67))
        if told(reporter, now, temperature_c=celsius)
    ]
    assert times == [100, 140]


def test_what_flaps_is_told_every_half_a_minute_at_most() -> None:
    reporter = Reporter(900)
    reporter.joined(0.0, 0.0)
    times = [now for now in range(300) if told(reporter, now, mains=now % 2)]
    assert len(times) <= 300 / AT_MOST_EVERY + 1
    assert min(b - a for a, b in itertools.pairwise(times)) >= AT_MOST_EVERY


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0, 60), st.sampled_from(THRESHOLDS), st.floats(-10, 1e4))))
def test_messages_keep_apart_whatever_happens(steps: list[tuple[float, object, float]]) -> None:
    reporter, now, last = Reporter(900), 0.0, None
    reporter.joined(0.0, 0.0)
    for step, threshold, value in steps:
        now += step
        if told(reporter, now, **{threshold.name: value}):  # type: ignore[attr-defined]
            assert last is None or now - last >= AT_MOST_EVERY
            last = now


def test_thresholds_are_about_known_values() -> None:
    for threshold in THRESHOLDS:
        known = vital(threshold.name)
        assert known.low <= threshold.bad <= known.high and threshold.bad != threshold.good


class Wire:
    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.up, self.down_since = True, None

    def send(self, message: Message) -> bool:
        self.sent.append(message)
        return self.up


class Noon:
    def unix(self, now: float) -> float | None:
        return UNIX


async def test_all_sources_are_asked_and_a_failing_one_disturbs_nobody() -> None:
    wire, now = Wire(), [100.0]
    vitals = Vitals(wire, Noon(), lambda: now[0], jitter=0.0)

    def fails() -> Mapping[str, float | str]:
        raise RuntimeError

    vitals.add(fails)
    vitals.add(lambda: {"buffer_ms": 280, "operator": "Viettel"})
    vitals.add_slow(lambda: {"mains": 1})
    vitals.add_slow(fails)
    await vitals.look()
    assert wire.sent == [] and vitals.counters == {"health.sources_failed": 2}
    vitals.welcomed(Welcome(version=1, tick=0, unix=UNIX))
    now[0] = 130.0
    await vitals.look()
    values, texts = wire.sent
    assert isinstance(values, Health) and isinstance(texts, Health)
    assert read(values)[0] == {"buffer_ms": 280, "mains": 1, "online_s": 30}
    assert vitals.texts == {"operator": "Viettel"}
    vitals.parted()
    now[0] = 9999.0
    await vitals.look()
    assert len(wire.sent) == 2 and "online_s" not in vitals.values


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_what_a_machine_tells(tmp_path: Path) -> None:
    proc, sys = tmp_path / "proc", tmp_path / "sys"
    assert machine_vitals(tmp_path / "none", proc=proc, sys=sys) == {}
    write(proc / "meminfo", "MemTotal: 900000 kB\nMemAvailable:  300000 kB\n")
    write(proc / "self/status", "Name: loa\nVmRSS:\t   61000 kB\n")
    write(proc / "uptime", "1234.56 99.0\n")
    write(sys / "class/thermal/thermal_zone0/temp", "71000\n")
    write(sys / "class/thermal/thermal_zone1/temp", "51234\n")
    write(sys / "class/thermal/thermal_zone1/type", "cpu-thermal\n")
    write(sys / "class/power_supply/ac/type", "Mains\n")
    write(sys / "class/power_supply/ac/online", "0\n")
    write(sys / "class/power_supply/bat/type", "Battery\n")
    write(sys / "class/power_supply/bat/capacity", "87\n")
    write(sys / "class/hwmon/hwmon0/name", "rpi_volt\n")
    write(sys / "class/hwmon/hwmon0/in0_lcrit_alarm", "1\n")
    found = machine_vitals(tmp_path, proc=proc, sys=sys)
    assert found.pop("storage_free_mb") > 0
    assert found == {
        "memory_free_mb": 307, "memory_mb": 62, "mains": 0, "battery_percent": 87,
        "temperature_c": 51.2, "undervoltage": 2, "up_s": 1234,
    }  # fmt: skip
    write(sys / "devices/platform/soc/soc:firmware/get_throttled", "50000\n")
    assert machine_vitals(tmp_path, proc=proc, sys=sys)["undervoltage"] == 1
