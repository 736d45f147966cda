"""``/metrics`` for Prometheus: the engine, sources, refusals, the event loop and the process.

Nothing here grows with listeners, receivers or mounts: labels have few values, all from the code.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, GCCollector, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Of loa_engine_stats: field, metric, factor to its unit, what it is. A name in _total is a counter.
ENGINE = (
    ("tick", "loa_engine_tick", 1, "The newest complete tick of the timeline (20 ms each)."),
    ("ticks_made", "loa_engine_ticks_total", 1, "Ticks made."),
    ("ticks_late", "loa_engine_ticks_late_total", 1, "Ticks made more than 20 ms late."),
    ("ticks_skipped", "loa_engine_ticks_skipped_total", 1, "Ticks skipped after long stalls."),
    ("worst_late_ns", "loa_engine_worst_lateness_seconds", 1e-9,
     "The latest tick since the last scrape."),
    ("worst_round_ns", "loa_engine_worst_round_seconds", 1e-9,
     "The latest end of a fan-out round behind its tick since the last scrape."),
    ("listeners", "loa_listeners", 1, "Listeners now, all mounts together."),
    ("joins", "loa_engine_joins_total", 1, "Listeners that joined."),
    ("lag_skips", "loa_engine_lag_skips_total", 1, "Times a slow listener was set to live."),
    ("pages_built", "loa_pages_built_total", 1, "Ogg pages built."),
    ("pages_sent", "loa_pages_sent_total", 1, "Ogg pages sent, once for each listener."),
    ("partial_sends", "loa_page_partial_sends_total", 1, "Pages that a socket took only in part."),
    ("bytes_sent", "loa_sent_bytes_total", 1, "Bytes sent to listeners."),
    ("events_dropped", "loa_engine_events_dropped_total", 1, "Events that nobody read in time."),
    ("commands_refused", "loa_engine_commands_refused_total", 1,
     "Commands refused because a queue or a table was full."),
    ("carriage_late", "loa_engine_carriage_late_total", 1,
     "Carriage changes applied after the tick they were meant for."),
    ("tick_cpu_ns", "loa_engine_tick_cpu_seconds_total", 1e-9, "CPU of the tick and its workers."),
    ("fanout_cpu_ns", "loa_engine_fanout_cpu_seconds_total", 1e-9, "CPU of the fan-out threads."),
    ("programmes", "loa_programmes", 1, "Programmes in the table, ended ones still kept included."),
    ("mounts", "loa_mounts", 1, "Mounts."),
)  # fmt: skip
# Of streamer.fleet.audio.AudioCounts, likewise.
FLEET = (
    ("streaming", "loa_receivers_streaming", 1, "Receivers that are sent audio now."),
    ("messages", "loa_receivers_audio_messages_total", 1, "Messages of audio sent to receivers."),
    ("bytes", "loa_receivers_audio_bytes_total", 1,
     "Bytes of those messages, before they are encrypted."),
    ("built", "loa_receivers_audio_built_total", 1,
     "Messages of audio built, each for all who hear the same."),
    ("changes", "loa_receivers_changes_total", 1, "Changes of what is on air told to receivers."),
    ("held", "loa_receivers_held_total", 1,
     "Times a slow receiver was given nothing for a while."),
    ("skipped_ticks", "loa_receivers_skipped_ticks_total", 1,
     "Ticks of audio that slow receivers were not sent."),
    ("rounds", "loa_receivers_rounds_total", 1, "Ticks at which audio was sent to receivers."),
    ("worst_round", "loa_receivers_worst_round_seconds", 1,
     "The latest end of a round behind its tick since the last scrape."),
)  # fmt: skip
LEAVES = {"leaves_peer": "peer", "leaves_lag": "lag", "leaves_stop": "stop"}

LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)

_FORBIDDEN = re.compile(r"[^a-z0-9_]")


class EngineCollector(Collector):
    """Reads the engine's counters when it is asked, and never in between."""

    def __init__(self, stats: Callable[[], Mapping[str, int]]) -> None:
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        """Return one family for each row of ``ENGINE``, and the leaves by reason."""
        stats = self._stats()
        for field, name, factor, text in ENGINE:
            if field not in stats:
                continue
            value = stats[field] * factor
            if name.endswith("_total"):
                yield CounterMetricFamily(name.removesuffix("_total"), text, value=value)
            else:
                yield GaugeMetricFamily(name, text, value=value)
        left = CounterMetricFamily(
            "loa_engine_leaves", "Listeners that left, by reason.", labels=["reason"]
        )
        for field, reason in LEAVES.items():
            left.add_metric([reason], stats.get(field, 0))
        yield left


class CountersCollector(Collector):
    """Exports ``Counters``.

    ``sources.refused.busy`` is ``loa_sources_refused_total{reason="busy"}``.
    A name of two parts has no label; what follows the second dot is the reason.
    """

    def __init__(self, snapshot: Callable[[], Mapping[str, int]]) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        """Return one family for each first two parts of the names."""
        families: dict[str, dict[str, int]] = {}
        for dotted, count in sorted(self._snapshot().items()):
            parts = dotted.split(".", 2)
            name = _FORBIDDEN.sub("_", "_".join(["loa", *parts[:2]]).lower())
            families.setdefault(name, {})[parts[2] if len(parts) == 3 else ""] = count
        for name, counts in families.items():
            words = name.removeprefix("loa_").replace("_", " ")
            if set(counts) == {""}:
                yield CounterMetricFamily(name, f"Count of {words}.", value=counts[""])
                continue
            family = CounterMetricFamily(name, f"Count of {words}, by reason.", labels=["reason"])
            for reason, count in counts.items():
                family.add_metric([reason], count)
            yield family


class SourcesCollector(Collector):
    """Live sources now, by kind."""

    def __init__(self, kinds: Callable[[], Mapping[str, int]]) -> None:
        self._kinds = kinds

    def collect(self) -> Iterable[Metric]:
        """Return the one family."""
        family = GaugeMetricFamily("loa_sources", "Live sources now, by kind.", labels=["kind"])
        for kind, count in self._kinds().items():
            family.add_metric([kind], count)
        yield family


class ReceiversCollector(Collector):
    """Receivers that are connected, and what they are sent of audio."""

    def __init__(self, receivers: Callable[[], tuple[int, Mapping[str, float]]]) -> None:
        self._receivers = receivers

    def collect(self) -> Iterable[Metric]:
        """Return the gauge, and one family for each row of ``FLEET``."""
        connected, counts = self._receivers()
        yield GaugeMetricFamily("loa_receivers", "Receivers connected now.", value=connected)
        for field, name, factor, text in FLEET:
            value = counts[field] * factor
            if name.endswith("_total"):
                yield CounterMetricFamily(name.removesuffix("_total"), text, value=value)
            else:
                yield GaugeMetricFamily(name, text, value=value)


class RuntimeCollector(Collector):
    """What should stay flat in a soak beside memory and descriptors: tasks and threads."""

    def collect(self) -> Iterable[Metric]:
        """Return both gauges; tasks are those of the loop that asks."""
        try:
            tasks = len(asyncio.all_tasks())
        except RuntimeError:
            tasks = 0
        yield GaugeMetricFamily("loa_tasks", "asyncio tasks.", value=tasks)
        yield GaugeMetricFamily("loa_threads", "Python threads.", value=threading.active_count())


class Metrics:
    """The registry of one server, and the handler that serves it."""

    def __init__(
        self,
        *,
        version: str,
        engine: Callable[[], Mapping[str, int]],
        counters: Callable[[], Mapping[str, int]],
        sources: Callable[[], Mapping[str, int]],
        receivers: Callable[[], tuple[int, Mapping[str, float]]] | None = None,
    ) -> None:
        """Take what is asked at each scrape; all of it must be quick, the event loop waits."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        for collector in (
            EngineCollector(engine),
            CountersCollector(counters),
            SourcesCollector(sources),
            RuntimeCollector(),
        ):
            self.registry.register(collector)
        if receivers is not None:
            self.registry.register(ReceiversCollector(receivers))
        self._lag = Histogram(
            "loa_event_loop_lag_seconds",
            "How late the event loop ran a timer that was due.",
            buckets=LAG_BUCKETS,
            registry=self.registry,
        )
        build = GaugeMetricFamily("loa_build_info", "The version.", labels=["version"])
        build.add_metric([version], 1)
        self.registry.register(_Constant(build))

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a scrape, in the text form or as OpenMetrics, whichever is asked for."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(
            body=encode(self.registry),
            headers={"Content-Type": content_type, "Cache-Control": "no-store"},
        )

    async def watch_loop(self, period: float = 0.25) -> None:
        """Measure the event loop's lag until cancelled, by timers on absolute deadlines."""
        loop = asyncio.get_running_loop()
        due = loop.time() + period
        while True:
            await asyncio.sleep(due - loop.time())
            now = loop.time()
            self._lag.observe(max(0.0, now - due))
            # Deadlines that were missed altogether are one late timer, not many.
            due += period * (1 + max(0, int((now - due) / period)))


class _Constant(Collector):
    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        return [self._metric]
