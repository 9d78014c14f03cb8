"""Services of a route table: their addresses, and what is asked for around them."""

from datetime import timedelta

import pytest

from gateway.table import Service, parse
from gateway.upstream.policy import BreakerPolicy, ConcurrencyPolicy, HealthPolicy
from kit.faults import Faulty

ROUTE = """
[[routes]]
path = "/a"
to = "things"
auth = "none"
"""


def service(lines: str) -> Service:
    return parse(f"[services.things]\n{lines}\n{ROUTE}").services["things"]


def test_a_service_may_have_several_addresses_and_policies_around_it() -> None:
    things = service(
        """
        url = ["http://a:1", "http://b:1"]
        health = { path = "/health/ready", every = "2s" }
        breaker = { share = 0.25, calls = 10, window = "30s", pause = "1s" }
        concurrency = { calls = 100, queue = 50 }
        """
    )

    assert things.url == ("http://a:1", "http://b:1")
    assert things.health == HealthPolicy.model_validate({"path": "/health/ready", "every": "2s"})
    assert things.breaker is not None
    assert (things.breaker.share, things.breaker.calls) == (0.25, 10)
    assert (things.breaker.window, things.breaker.pause) == (timedelta(seconds=30), timedelta(seconds=1))
    assert things.concurrency == ConcurrencyPolicy(calls=100, queue=50)


def test_a_policy_that_a_service_does_not_ask_for_is_none_and_its_keys_have_defaults() -> None:
    plain = service('url = "http://a"')
    assert (plain.health, plain.breaker, plain.concurrency) == (None, None, None)

    asking = service('url = "http://a"\nbreaker = {}\nconcurrency = { calls = 5 }')
    assert asking.breaker == BreakerPolicy()
    assert asking.concurrency == ConcurrencyPolicy(calls=5, queue=0)

    adaptive = service('url = "http://a"\nconcurrency = { adaptive = true, min = 2, max = 50 }')
    assert adaptive.concurrency == ConcurrencyPolicy(adaptive=True, min=2, max=50)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("url = []", ["url: Tuple should have at least 1 item"]),
        ("url = 7", ["url: Input should be a valid tuple"]),
        ('url = ["http://a", 7]', ["url: 1: Input should be a valid string"]),
        (
            'url = ["gopher://a", "http://b:0"]',
            ["url: 'gopher://a' is no address", "'http://b:0' names a port"],
        ),
        ('url = ["http://a", "app://m:f"]', ["url: 'app://m:f' cannot be one of several"]),
        ('url = ["http://a", "http://a"]', ["url: an address is there twice"]),
        ('url = "http://a"\nhealth.path = "/health"', ["health is for several addresses"]),
        ('url = "app://m:f"\nhealth.path = "/health"', ["health is for several addresses"]),
        ('url = "registry://a"\nhealth = {}', ["health: path: Field required"]),
        ('url = "registry://a"\nhealth.path = "health"', ["health: path: String should match"]),
        ('url = "registry://a"\nhealth.path = "/a b"', ["health: path: String should match"]),
        (
            'url = "registry://a"\nhealth = { path = "/a", every = "0s", rise = 2 }',
            ["health: every: Input should be greater than", "health: rise: Extra inputs"],
        ),
        (
            'url = "http://a"\nbreaker = { share = 0, calls = 0, window = 5, pause = "-1s", failures = 5 }',
            [
                "breaker: share: Input should be greater than 0",
                "breaker: calls: Input should be greater than or equal to 1",
                "breaker: window: 5 is no duration",
                "breaker: pause: '-1s' is no duration",
                "breaker: failures: Extra inputs",
            ],
        ),
        (
            'url = "http://a"\nbreaker = { share = 1.1 }',
            ["breaker: share: Input should be less than or equal"],
        ),
        ('url = "http://a"\nbreaker = { share = "1" }', ["breaker: share: Input should be a valid number"]),
        ('url = "http://a"\nbreaker = true', ["breaker: Input should be a valid dictionary"]),
        ('url = "http://a"\nconcurrency = {}', ["concurrency: say how many calls, or adaptive = true"]),
        (
            'url = "http://a"\nconcurrency = { calls = 5, adaptive = true, min = 9, max = 3 }',
            ["concurrency: calls is for a fixed number", "min is more than max"],
        ),
        (
            'url = "http://a"\nconcurrency = { calls = 5, min = 2 }',
            ["concurrency: min and max are for adaptive = true"],
        ),
        (
            'url = "http://a"\nconcurrency = { calls = 0, queue = -1, wait = "1s" }',
            [
                "concurrency: calls: Input should be greater than or equal to 1",
                "concurrency: queue: Input should be greater than or equal to 0",
                "concurrency: wait: Extra inputs",
            ],
        ),
        (
            'url = "http://a"\nconcurrency = { calls = "9" }',
            ["concurrency: calls: Input should be a valid int"],
        ),
        (
            'url = "http://a"\nconcurrency = { calls = true }',
            ["concurrency: calls: Input should be a valid int"],
        ),
        ('url = "http://a"\nretries = 3', ["retries: Extra inputs are not permitted"]),
    ],
)
def test_every_fault_of_a_service_is_named(lines: str, told: list[str]) -> None:
    with pytest.raises(Faulty) as refusal:
        service(lines)

    faults = [each for fault in refusal.value.faults for each in fault.split("; ")]
    assert len(faults) == len(told), faults
    assert all(what in fault for fault, what in zip(faults, told, strict=True)), faults
