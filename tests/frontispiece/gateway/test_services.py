"""Services of a route table: their addresses and policies."""

import tomllib
from datetime import timedelta
from typing import Any

import pytest

from frontispiece.gateway.config.service import Service
from frontispiece.upstream.config import ConcurrencyPolicy, HealthPolicy
from tests.support.tables import errors_of, parsed, route


def service(lines: str) -> Service:
    return parsed(route(), services={"things": tomllib.loads(lines)}).services["things"]


def test_a_service_may_have_several_addresses_and_policies_around_it() -> None:
    things = service(
        """
        url = ["http://a:1", "http://b:1"]
        health = { path = "/health/ready", interval = "2s" }
        breaker = { failure_ratio = 0.25, min_requests = 10, window = "30s", open_duration = "1s" }
        concurrency = { max_concurrent = 100, max_queue = 50 }
        """
    )

    assert things.url == ("http://a:1", "http://b:1")
    assert things.health == HealthPolicy.model_validate({"path": "/health/ready", "interval": "2s"})
    assert things.breaker is not None
    assert (things.breaker.failure_ratio, things.breaker.min_requests) == (0.25, 10)
    assert (things.breaker.window, things.breaker.open_duration) == (
        timedelta(seconds=30),
        timedelta(seconds=1),
    )
    assert things.concurrency == ConcurrencyPolicy(max_concurrent=100, max_queue=50)


def test_a_target_may_name_a_version_of_a_service() -> None:
    """It is the same service, with instances of its own, and readiness does not depend on these."""
    split = [{"to": "things@2:/b", "weight": 5.0}]
    table = parsed(route(split=split), services={"things": {"url": "registry://t", "breaker": {}}})

    things, second = table.services["things"], table.services["things@2"]
    assert second.url == ("registry://t@2",)
    assert second.breaker == things.breaker
    assert table.audiences == {"things": "things", "things@2": "things"}
    assert table.needed == {"things"}


@pytest.mark.parametrize(
    ("services", "message"),
    [
        (
            {"things": "http://a:1"},
            "split: only a service at registry:// has versions, and things is elsewhere",
        ),
        ({"things@2": None, "other": {}, "things": None}, "to names the service 'things'"),
    ],
)
def test_only_registered_services_have_versions(services: dict[str, Any], message: str) -> None:
    errors = errors_of(route(split=[{"to": "things@2", "weight": 5.0}]), services=services)

    assert message in "; ".join(errors)


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        ("url = []", ["url: Tuple should have at least 1 item"]),
        (
            'url = ["gopher://a", "http://b:0"]',
            ["url: 'gopher://a' is no address", "'http://b:0' names port 0"],
        ),
        ('url = ["http://a", "app://m:f"]', ["url: 'app://m:f' cannot be one of several"]),
        ('url = ["http://a", "http://a"]', ["url: an address is there twice"]),
        ('url = "registry://a"\nhealth = {}', ["health: path: is missing"]),
        ('url = "registry://a"\nhealth.path = "/a b"', ["health: path: '/a b' is no path"]),
        (
            'url = "registry://a"\nhealth = { path = "/a", interval = "0s", rise = 2 }',
            ["health: interval: must be greater than", "health: rise: unknown key"],
        ),
        (
            (
                'url = "http://a"\nbreaker = { failure_ratio = 0, min_requests = 0, window = 5, '
                'open_duration = "-1s", failures = 5 }'
            ),
            [
                "breaker: failure_ratio: must be greater than 0",
                "breaker: min_requests: must be greater than or equal to 1",
                "breaker: window: 5 is no duration",
                "breaker: open_duration: '-1s' is no duration",
                "breaker: failures: unknown key",
            ],
        ),
        ('url = "http://a"\nbreaker = true', ["breaker: must be a table: the keys here are failure_ratio, "]),
        ('url = "http://a"\nconcurrency = {}', ["concurrency: set max_concurrent, or adaptive = true"]),
        (
            'url = "http://a"\nconcurrency = { max_concurrent = 5, adaptive = true, max_limit = 3 }',
            ["concurrency: max_concurrent is a fixed number", "min_limit is more than max_limit"],
        ),
        (
            'url = "http://a"\nconcurrency = { max_concurrent = 5, min_limit = 2 }',
            ["concurrency: min_limit and max_limit are for adaptive = true"],
        ),
        (
            'url = "http://a"\nconcurrency = { max_concurrent = 0, max_queue = -1, wait = "1s" }',
            [
                "concurrency: max_concurrent: must be greater than or equal to 1",
                "concurrency: max_queue: must be greater than or equal to 0",
                "concurrency: wait: unknown key",
            ],
        ),
        (
            'url = "http://a"\nconcurrency = { max_concurrent = true }',
            ["concurrency: max_concurrent: True is no whole number"],
        ),
        ('url = "http://a"\nretries = 3', ["retries: unknown key"]),
    ],
)
def test_every_fault_of_a_service_is_named(lines: str, messages: list[str]) -> None:
    found = errors_of(route(), services={"things": tomllib.loads(lines)})

    errors = [each for error in found for each in error.split("; ")]
    assert len(errors) == len(messages), errors
    assert all(what in error for error, what in zip(errors, messages, strict=True)), errors
