"""exposition: figures in Prometheus' text format 0.0.4, or in OpenMetrics where that is asked for.

Source: prometheus.io/docs/instrumenting/exposition_formats; OpenMetrics 1.0.0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from codman.api.replies import Reply
from codman.telemetry import Figure, Spread

_PROCESS = ProcessCollector(registry=None)  # memory, processor time, open files: from /proc, on Linux alone


def exposed(figures: Iterable[Figure], accept: str = "") -> Reply:
    """Figures, and this process', as a scraper reads them.

    Args:
        figures: What there is to tell.
        accept: The formats it takes, an Accept header; text 0.0.4 where it names none that is known.
    """
    encode, media_type = choose_encoder(accept)
    return Reply(body=encode(_registry(figures)), media_type=media_type, headers={"Vary": "Accept, Authorization"})


def _registry(figures: Iterable[Figure]) -> CollectorRegistry:
    found = [_family(one) for one in figures]

    class _Found(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from found
            yield from _PROCESS.collect()

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Found())
    return registry


def _family(one: Figure) -> Metric:
    if one.kind == "histogram":
        spread = HistogramMetricFamily(one.name, one.says, labels=one.labels)
        for words, sample in one.samples.items():
            if isinstance(sample, Spread):
                buckets = [("+Inf" if math.isinf(bound) else repr(bound), count) for bound, count in sample.counts]
                spread.add_metric(words, buckets, sum_value=sample.total)
        return spread
    kind = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
    family = kind(one.name, one.says, labels=one.labels)
    for words, value in one.samples.items():
        if not isinstance(value, Spread):
            family.add_metric(words, value)
    return family
