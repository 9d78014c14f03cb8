"""The order in which policies happen to a call, where it matters."""

from itertools import pairwise

import pytest

from gateway.load import Load
from gateway.pipeline import layers
from tests.support.gateways import gateway_of

EVERYTHING = """
[security_headers]

[services.things]
url = "http://127.0.0.1:1"

[services.others]
url = "http://127.0.0.1:2"

[[routes]]
path = "/things"
methods = ["GET", "POST"]
to = "things"
auth = "none"
limit = { rate = "5/second", by = "address" }
cors = { origins = ["https://shop.example"] }
compress = {}
body = "1MiB"
idempotency = { ttl = "1h", kept = "memory" }
validate = true
cache = { ttl = "1m" }
coalesce = true
mirror = { to = "others" }
split = [{ to = "others", when = { header = "x-canary", is = "1" } }]
retry = {}
timeout = "1s"

[[routes]]
path = "/plain"
to = "things"
auth = "none"
security_headers = false
"""

MATTERS = [
    ("trace", "metrics", "what is counted and logged has a name"),
    ("metrics", "auth", "refusals are counted"),
    ("security_headers", "cors", "whatever is answered, browsers are told"),
    ("cors", "auth", "a page of another origin may read why it was refused"),
    ("cors", "limit", "the same"),
    ("compress", "cache", "one form is kept, and given in many"),
    ("body", "idempotency", "nobody reads more than there may be"),
    ("shed", "auth", "what is refused for want of time costs none"),
    ("auth", "limit", "a limit by user knows the user"),
    ("auth", "cache", "nobody is given what is somebody's"),
    ("auth", "idempotency", "nor a first answer that is another's"),
    ("limit", "idempotency", "repetitions count as well"),
    ("limit", "cache", "what is kept is not free of limits"),
    ("limit", "coalesce", "and neither is waiting for another's call"),
    ("validation", "cache", "what does not fit is not looked up"),
    ("cache", "coalesce", "only what is not kept is asked for"),
    ("coalesce", "mirror", "one call is copied once"),
    ("mirror", "retry", "and not for every try"),
    ("split", "retry", "tries stay on one side"),
    ("deadline", "retry", "all tries together have the route's time"),
]


def order(number: int) -> list[str]:
    """The files of the layers of a route of the table, from the outside in."""
    serving = gateway_of(EVERYTHING, {}, load=Load(most_calls=10)).serving
    made = layers(serving.table.routes[number], serving.means)
    return [layer.__module__.rpartition(".")[2] for layer in made]


@pytest.mark.parametrize(("outer", "inner", "because"), MATTERS)
def test_what_must_happen_first_is_outside(outer: str, inner: str, because: str) -> None:
    happens = order(0)
    assert happens.index(outer) < happens.index(inner), because


def test_a_route_that_asks_for_everything_has_each_once_in_this_order() -> None:
    happens = order(0)

    assert happens == [
        *("trace", "metrics", "security_headers", "cors", "compress", "body", "shed", "auth", "limit"),
        *("idempotency", "validation", "cache", "coalesce", "mirror", "split", "deadline", "retry"),
    ]
    assert all(one != next_one for one, next_one in pairwise(happens))


def test_a_route_that_asks_for_nothing_has_no_layer_for_it() -> None:
    assert order(1) == ["trace", "metrics", "shed", "auth", "deadline"]
