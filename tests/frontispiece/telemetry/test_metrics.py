import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily

from frontispiece.telemetry.metrics import BOUNDS, Counter, Durations


def test_a_counter_counts_by_its_labels_as_prometheus_reads_it() -> None:
    registry = CollectorRegistry()
    counter = Counter("parts_degraded", "Parts left out.", "page", "reason")
    registry.register(counter)
    for values in (("/home", "timeout"), ("/home", 'a "quoted"\nreason'), ("/home", "timeout")):
        counter.add(*values)
    counter.add("/search", "timeout", count=3)

    lines = generate_latest(registry).decode().splitlines()

    assert 'parts_degraded_total{page="/home",reason="timeout"} 2.0' in lines
    assert 'parts_degraded_total{page="/search",reason="timeout"} 3.0' in lines
    assert 'parts_degraded_total{page="/home",reason="a \\"quoted\\"\\nreason"} 1.0' in lines


@pytest.mark.parametrize(
    ("seconds", "within"), [(0.0, 0.001), (0.001, 0.001), (0.0011, 0.0025), (9.9, 10.0), (10.0, 10.0)]
)
def test_a_duration_counts_in_every_bucket_that_it_fits_into(seconds: float, within: float) -> None:
    durations = Durations()
    durations.add(seconds)

    buckets = shown(durations)
    assert [buckets[str(end)] for end in BOUNDS] == [float(end >= within) for end in BOUNDS]
    assert (buckets["+Inf"], durations.count) == (1.0, 1)


def shown(durations: Durations) -> dict[str, float]:
    """The value of each bucket by its end, and the sum."""
    family = HistogramMetricFamily("d", "-", labels=["x"])
    durations.put_into(family, ("y",))
    return {
        sample.labels.get("le", sample.name.rpartition("_")[2]): sample.value for sample in family.samples
    }
