"""/metrics: every counter of the engine, names and units as Prometheus wants, few labels."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from loa.native.engine import ffi
from loa.streamer.counters import Counters
from loa.streamer.fleet.audio import AudioCounts
from loa.streamer.http.metrics import (
    ENGINE,
    FLEET,
    LEAVES,
    CountersCollector,
    EngineCollector,
    Metrics,
    ReceiversCollector,
)

STATS = {name: number for number, (name, _) in enumerate(ffi.typeof("loa_engine_stats").fields, 1)}


def collected(
    collector: EngineCollector | CountersCollector | ReceiversCollector,
) -> dict[str, float]:
    """Return samples by name and labels, and check the family names by registering them."""
    CollectorRegistry().register(collector)
    return samples(collector.collect())


def samples(families: Iterable[Metric]) -> dict[str, float]:
    return {
        sample.name + "".join(f"{{{k}={v}}}" for k, v in sample.labels.items()): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_field_of_the_engine_is_exported_once() -> None:
    fields = [row[0] for row in ENGINE] + list(LEAVES)
    assert sorted(fields) == sorted(STATS)
    names = [row[1] for row in ENGINE]
    assert len(set(names)) == len(names)
    for field, name, _, text in ENGINE:
        assert not field.endswith("_ns") or "_seconds" in name
        assert text.endswith(".")


def test_values_and_units() -> None:
    found = collected(EngineCollector(lambda: {**STATS, "tick_cpu_ns": 2_500_000_000}))
    assert found["loa_engine_tick_cpu_seconds_total"] == 2.5
    assert found["loa_listeners"] == STATS["listeners"]
    assert found["loa_sent_bytes_total"] == STATS["bytes_sent"]
    assert found["loa_engine_leaves_total{reason=lag}"] == STATS["leaves_lag"]


def test_what_is_counted_of_receivers_is_exported_once() -> None:
    counts = asdict(AudioCounts(messages=7, streaming=2, worst_round=0.5))
    assert sorted(row[0] for row in FLEET) == sorted(counts)
    found = collected(ReceiversCollector(lambda: (3, counts)))
    assert found["loa_receivers"] == 3 and found["loa_receivers_streaming"] == 2
    assert found["loa_receivers_audio_messages_total"] == 7
    assert found["loa_receivers_worst_round_seconds"] == 0.5


def test_counters_by_reason() -> None:
    counters = Counters()
    counters.add("sources.refused.busy", 2)
    counters.add("sources.refused.bad-credentials")
    counters.add("decode.errors")
    counters.add("Odd-Name")
    assert collected(CountersCollector(counters.snapshot)) == {
        "loa_sources_refused_total{reason=busy}": 2,
        "loa_sources_refused_total{reason=bad-credentials}": 1,
        "loa_decode_errors_total": 1,
        "loa_odd_name_total": 1,
    }


def metrics() -> Metrics:
    return Metrics(
        version="1.2.3",
        engine=lambda: STATS,
        counters=lambda: {"a.b": 1},
        sources=lambda: {"stream": 2, "studio": 0},
    )


async def scrape(metrics: Metrics, accept: str = "") -> str:
    response = await metrics.handle(
        make_mocked_request("GET", "/metrics", headers={"Accept": accept} if accept else {})
    )
    assert isinstance(response, web.Response) and isinstance(response.body, bytes)
    return response.body.decode()


async def test_a_scrape_can_be_parsed_and_stays_small() -> None:
    text = await scrape(metrics())
    found = samples(text_string_to_metric_families(text))
    assert found["loa_build_info{version=1.2.3}"] == 1
    assert found["loa_sources{kind=stream}"] == 2
    assert found["loa_tasks"] >= 1
    assert found["process_open_fds"] > 0
    assert found["process_resident_memory_bytes"] > 1e6
    assert len(found) < 100
    for line in text.splitlines():
        assert not line.startswith("# HELP") or len(line.split(" ", 3)[3]) > 5


async def test_no_counter_of_ours_can_clash_with_the_engine() -> None:
    # Names in Counters are "part.what…"; the engine's are apart from them.
    for field, name, *_ in ENGINE:
        assert name.startswith("loa_engine_") or field not in ("joins", "lag_skips"), name
    families = [family.name for family in metrics().registry.collect()]
    assert len(set(families)) == len(families)


async def test_openmetrics_on_request() -> None:
    text = await scrape(metrics(), "application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")


async def test_the_lag_of_the_loop_is_counted() -> None:
    served = metrics()
    task = asyncio.create_task(served.watch_loop(period=0.001))
    for _ in range(5000):
        if samples(served.registry.collect())["loa_event_loop_lag_seconds_count"] >= 3:
            break
        await asyncio.sleep(0.001)
    else:
        raise AssertionError("no timer was measured")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
