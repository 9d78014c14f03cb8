"""What a table may say of retry, mirror, split and priority, and in which order they are."""

import pytest

from gateway import pipeline
from gateway.behalf import Behalf
from gateway.layers.metrics import Metrics
from gateway.load import Load
from gateway.pipeline import Means
from gateway.resilience import Resilience
from gateway.table import parse
from gateway.upstream import Upstream
from kit.faults import Faulty
from kit.tokens import Signer
from tests.gateway.upstream.fakes import Fake
from tests.support.gateways import any_key

SERVICES = """
[services]
things = { url = "http://things:8000" }
new = { url = "http://new:8000" }
"""


def table(more: str, leads: str = 'to = "things"\nauth = "none"') -> str:
    return f'{SERVICES}\n[[routes]]\npath = "/a/{{id}}"\n{leads}\n{more}\n'


@pytest.mark.parametrize(
    "more",
    [
        "retry = {}",
        'retry = { attempts = 5, on = ["timeout", "500", "failed"], each = "1s" }',
        'mirror = { to = "new" }',
        'mirror = { to = "things:/shadow/{id}", share = 0.1, unsafe = true }',
        'split = [{ to = "new", weight = 2.5 }, { to = "new:/b/{id}", weight = 97.5 }]',
        'split = [{ to = "new", when = { header = "x-canary", is = "1" } }]',
        'priority = "critical"',
    ],
)
def test_what_can_be_meant_is_taken(more: str) -> None:
    assert len(parse(table(more)).routes) == 1


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("retry = { attempts = 1 }", "attempts: Input should be greater than or equal to 2"),
        ("retry = { attempts = 6 }", "attempts: Input should be less than or equal to 5"),
        ("retry = { attempts = true }", "attempts: Input should be a valid int"),
        ("retry = { on = [] }", "on: there is at least one, or leave it out"),
        ('retry = { on = ["404"] }', "Input should be 'unavailable', 'timeout'"),
        ('retry = { each = "1s" }', 'put "timeout" into on'),
        ('retry = { on = ["timeout"], each = "10s" }', "no time is left for another try"),
        ('cache = {}\nsplit = [{ to = "new", weight = 5 }]', "a split by header, not by weight"),
        ('mirror = { to = "nobody" }', "mirror names the service 'nobody'"),
        ('mirror = { to = "new:/{other}" }', "mirror: to uses other, which the path does not have"),
        ('mirror = { to = "things" }', "mirror: to is where the route leads already"),
        ('mirror = { to = "things:/a/{id}" }', "mirror: to is where the route leads already"),
        ('mirror = { to = "new", share = 0 }', "share: Input should be"),
        ('mirror = { to = "new", share = 1.1 }', "share: Input should be less than or equal to 1"),
        ('mirror = { to = "new", unsafe = 1 }', "unsafe: Input should be a valid bool"),
        ("mirror = { share = 0.5 }", "to: Field required"),
        ("split = []", "split: there is at least one, or leave it out"),
        ('split = [{ to = "new" }]', "nobody is led there: give it a weight, or when"),
        ('split = [{ to = "nobody", weight = 5 }]', "split names the service 'nobody'"),
        ('split = [{ to = "things", weight = 5 }]', "split: to is where the route leads already"),
        (
            'split = [{ to = "new", weight = 60 }, { to = "new:/b", weight = 50 }]',
            "weights are 110 together",
        ),
        ('split = [{ to = "new", weight = 101 }]', "weight: Input should be less than or equal to 100"),
        ('split = [{ to = "new", weight = -1 }]', "weight: Input should be greater than or equal to 0"),
        (
            'split = [{ to = "new", when = { header = "Cookie", is = "1" } }]',
            "told apart by Cookie",
        ),
        ('split = [{ to = "new", when = { header = "a b", is = "1" } }]', "header: String should match"),
        ('split = [{ to = "new", when = { header = "x-a" } }]', "is: Field required"),
        ('priority = "urgent"', "Input should be 'low', 'normal', 'high' or 'critical'"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(more: str, told: str) -> None:
    with pytest.raises(Faulty) as refusal:
        parse(table(more))

    (fault,) = refusal.value.faults
    assert fault.startswith("route 1 (/a/{id}): ")
    assert told in fault


def test_parts_are_tried_again_by_themselves_and_are_neither_copied_nor_split() -> None:
    leads = 'auth = "none"\n[routes.parts.thing]\nfrom = "things:/{id}"'
    more = 'retry = {}\nmirror = { to = "new" }\nsplit = [{ to = "new", weight = 5 }]\n'
    with pytest.raises(Faulty) as refusal:
        parse(table("", more + leads))

    (fault,) = refusal.value.faults
    for key in ("retry", "mirror", "split"):
        assert f"{key} is for a route that leads to one service" in fault


def test_credentials_that_are_one_services_own_business_are_not_copied() -> None:
    with pytest.raises(Faulty, match="mirror copies no credentials"):
        parse(table('mirror = { to = "new" }', 'to = "things"\nauth = "service"'))


def layers_of(more: str, load: Load | None) -> list[str]:
    """From the outside in, by the modules that they are of."""
    (route,) = parse(table(more)).routes
    means = Means(
        upstreams={name: Upstream(name, Fake()) for name in ("things", "new")},
        behalf=Behalf(Signer(any_key(), "gateway"), {"things": "things", "new": "new"}),
        metrics=Metrics(),
        resilience=Resilience(load),
    )
    return [layer.__module__.rpartition(".")[2] for layer in pipeline.layers(route, means)]


def test_copies_are_made_once_and_each_side_is_tried_again_within_one_deadline() -> None:
    more = 'retry = {}\nmirror = { to = "new" }\nsplit = [{ to = "new", weight = 5 }]'
    layers = layers_of(more, Load(most_calls=1))

    ours = [name for name in layers if name in {"shed", "auth", "mirror", "split", "deadline", "retry"}]
    assert ours == ["shed", "auth", "mirror", "split", "deadline", "retry"]


def test_what_a_route_does_not_ask_for_is_not_there() -> None:
    assert not {"shed", "mirror", "split", "retry"} & {*layers_of("", None)}
