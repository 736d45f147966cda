"""What is wrong with a receiver, by what it tells of itself and the limits of its area. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from loa.codecs.control.vitals import Threshold

TROUBLES: Mapping[str, Threshold] = {
    "output": Threshold("output_trouble", 1, 0),
    "power": Threshold("mains", 0, 1),
    "undervoltage": Threshold("undervoltage", 2, 1),
    "battery": Threshold("battery_percent", 20, 30),
    "heat": Threshold("temperature_c", 80, 72),
    "signal": Threshold("signal_percent", 10, 20),
    "storage": Threshold("storage_free_mb", 100, 150),
    "memory": Threshold("memory_free_mb", 30, 45),
    "clock": Threshold("clock_trust", 0, 1),
    "self_test": Threshold("self_test_failed", 1, 0),
    "lag": Threshold("lag_ms", 10_000, 4000),
    "journal": Threshold("journal_waiting", 5000, 1000),
}
"""Where an area says nothing else: from when on it is trouble, and until when."""
SETTABLE = frozenset({"battery", "heat", "signal", "storage", "memory", "lag", "journal"})
"""Those whose limit an area can set; with it goes the other one, as far away as here."""
Limits = tuple[tuple[str, float], ...]


@lru_cache(maxsize=256)
def thresholds(limits: Limits = ()) -> Mapping[str, Threshold]:
    """Return what holds where these limits are set."""
    found = dict(TROUBLES)
    for name, bad in limits:
        usual = TROUBLES.get(name)
        if usual is not None and name in SETTABLE:
            found[name] = Threshold(usual.name, bad, bad + usual.good - usual.bad)
    return found


def troubles(
    values: Mapping[str, float], before: frozenset[str], limits: Limits = ()
) -> frozenset[str]:
    """Return what is wrong; of what is not told, what was wrong ``before`` still is."""
    return frozenset(
        name
        for name, threshold in thresholds(limits).items()
        if (
            threshold.judge(values[threshold.name], name in before)
            if threshold.name in values
            else name in before
        )
    )


def summary(numbers: list[float]) -> float | list[float]:
    """Return the least, mean and most of some numbers; one number where they are all the same."""
    least, most = min(numbers), max(numbers)
    if least == most:
        return least
    return [least, round(sum(numbers) / len(numbers), 2), most]
