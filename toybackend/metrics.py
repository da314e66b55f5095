"""What an operator can watch: numbers for Prometheus, and no word about anybody.

Parts that do something count it here; what there is at a moment, such as open sockets, is asked for when somebody
looks.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

Job = TypeVar("Job")

CONVERSION_BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 300)
HTTP_BUCKETS = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10)


class Metrics:
    """The numbers of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}
        ProcessCollector(registry=self._registry)
        self.accepted = Counter(
            "toybackend_accepted_messages", "Messages accepted, by kind.", ("kind",), registry=self._registry
        )
        self.conversion_seconds = Histogram(
            "toybackend_conversion_seconds",
            "From the start of a conversion to its MP3.",
            buckets=CONVERSION_BUCKETS,
            registry=self._registry,
        )
        self.refused = Counter(
            "toybackend_refused_frames", "Frames that were refused, by wire code.", ("code",), registry=self._registry
        )
        self.http_seconds = Histogram(
            "toybackend_http_seconds",
            "HTTP requests by method, route and status.",
            ("method", "route", "status"),
            buckets=HTTP_BUCKETS,
            registry=self._registry,
        )

    def watch(self, name: str, what: str, look: Callable[[], float], **labels: str) -> None:
        """A number that is looked at when somebody asks; `look` must not block."""
        full = f"toybackend_{name}"
        gauge = self._gauges.get(full) or Gauge(full, what, tuple(labels), registry=self._registry)
        self._gauges[full] = gauge
        (gauge.labels(**labels) if labels else gauge).set_function(look)

    def accepted_messages(self) -> int:
        """Since the start, of every kind."""
        samples = (sample for counter in self.accepted.collect() for sample in counter.samples)
        return int(sum(sample.value for sample in samples if sample.name.endswith("_total")))

    def timed(
        self, convert: Callable[[Job], Awaitable[None]], *notes: Callable[[float], None]
    ) -> Callable[[Job], Awaitable[None]]:
        """The same conversion, its time noted when it succeeds: here, and by whoever else wants to know."""

        async def timed(job: Job) -> None:
            began = time.perf_counter()
            await convert(job)
            seconds = time.perf_counter() - began
            self.conversion_seconds.observe(seconds)
            for note in notes:
                note(seconds)

        return timed

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)
