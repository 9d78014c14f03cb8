"""What a table may say of retry, mirror, split and priority."""

import pytest

from tests.support.tables import Services, errors_of, part, route

SERVICES: Services = {"new": {}, "nobody": None}
ALL = 'retry = {}\nmirror = { to = "new" }\nsplit = [{ to = "new", weight = 5 }]'
PARTS = {"thing": part("things:/{id}")}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("retry = { attempts = 1 }", "attempts: must be greater than or equal to 2"),
        ("retry = { on = [] }", "on: there is at least one, or leave it out"),
        ('retry = { on = ["404"] }', "'404' is none of 'unavailable', 'timeout'"),
        ('retry = { per_try_timeout = "1s" }', 'put "timeout" into on'),
        ('retry = { on = ["timeout"], per_try_timeout = "10s" }', "no time is left for another try"),
        ('cache = {}\nsplit = [{ to = "new", weight = 5 }]', "a split by header, not by weight"),
        ('mirror = { to = "nobody" }', "mirror names the service 'nobody'"),
        ('mirror = { to = "new:/{other}" }', "mirror: to uses other, which the path does not have"),
        ('mirror = { to = "things:/a/{id}" }', "mirror: to is where the route leads already"),
        ('mirror = { to = "new", fraction = 1.1 }', "fraction: must be less than or equal to 1"),
        ("split = []", "split: there is at least one, or leave it out"),
        ('split = [{ to = "new" }]', "it gets no calls: add weight or when"),
        ('split = [{ to = "nobody", weight = 5 }]', "split names the service 'nobody'"),
        ('split = [{ to = "things", weight = 5 }]', "split: to is where the route leads already"),
        ('split = [{ to = "new", weight = 60 }, { to = "new:/b", weight = 50 }]', "weights add up to 110"),
        ('split = [{ to = "new", weight = 101 }]', "weight: must be less than or equal to 100"),
        (
            'split = [{ to = "new", when = { header = "Cookie", equals = "1" } }]',
            "cookie cannot select a variant",
        ),
        (
            'split = [{ to = "new", when = { header = "X-User-Kind", equals = "1" } }]',
            "x-user-kind cannot select a variant",
        ),
        (
            'split = [{ to = "new", when = { header = "a b", equals = "1" } }]',
            "header: 'a b' is no name of a header field",
        ),
        ('split = [{ to = "new", when = { header = "x-a" } }]', "equals: is missing"),
        ('priority = "urgent"', "'urgent' is none of 'low', 'normal', 'high' or 'critical'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(more: str, message: str) -> None:
    (error,) = errors_of(route("/a/{id}", more), services=SERVICES)

    assert error.startswith("route 1 (/a/{id}): ")
    assert message in error


def test_parts_are_tried_again_by_themselves_and_are_neither_copied_nor_split() -> None:
    errors = errors_of(route("/a/{id}", ALL, parts=PARTS))

    place = "route 1 (/a/{id}): "
    assert errors == [
        f"{place}{key} is for routes to one service: parts have several"
        for key in ("retry", "mirror", "split")
    ]


def test_credentials_that_are_one_services_own_business_are_not_copied() -> None:
    (error,) = errors_of(route(auth="passthrough", mirror={"to": "new"}))
    assert "mirror copies no credentials" in error
