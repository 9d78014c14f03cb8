"""The order in which policies happen to a call, where it matters."""

from frontispiece.gateway.call import Layer
from frontispiece.gateway.pipeline import layers
from frontispiece.gateway.policies.load_shedding import OverloadMonitor
from tests.support.tables import route, route_table
from tests.support.world import gateway_of

EVERYTHING = route_table(
    route(
        "/things",
        methods=["GET", "POST"],
        rate_limit={"rate": "5/second", "by": "address"},
        cors={"origins": ["https://shop.example"]},
        compression={},
        max_body_size="1MiB",
        idempotency={"ttl": "1h", "store": "memory"},
        validate_requests=True,
        cache={"ttl": "1m"},
        collapse=True,
        mirror={"to": "others"},
        split=[{"to": "others", "when": {"header": "x-canary", "equals": "1"}}],
        retry={},
        timeout="1s",
    ),
    route("/plain", security_headers=False),
    services={"things": "http://127.0.0.1:1", "others": "http://127.0.0.1:2"},
    security_headers={},
)


def policy_of(layer: Layer) -> str:
    """The policy's own folder or file: `policies/cors.py` and `policies/cors/layer.py` are both `cors`."""
    _, _, room, policy, *file = layer.__module__.split(".")
    if room == "auth":
        return room
    return file[0] if file == ["collapsing"] else policy


def order(number: int, load: OverloadMonitor | None = None) -> list[str]:
    """The policies of the layers of a route of the table, from the outside in."""
    snapshot = gateway_of(EVERYTHING, {}, load=load).snapshot
    made = layers(snapshot.table.routes[number], snapshot.resources)
    return [policy_of(layer) for _, layer in made]


def test_a_route_that_asks_for_everything_has_each_once_in_this_order() -> None:
    happens = order(0, OverloadMonitor(max_in_flight=10))

    assert happens == [
        "metrics",  # refusals are counted
        "security_headers",  # every response has them
        "cors",  # a page of another origin may read why it was refused
        "compression",  # one form is cached, and sent in many
        "body_limit",  # nobody reads more than there may be
        "load_shedding",  # a refusal for want of time costs none
        "auth",  # limits know the user, and nobody is given what is another's
        "rate_limit",  # repetitions, hits of the cache and waiting for another's call count as well
        "idempotency",
        "request_validation",  # what does not fit is not looked up
        "cache",  # what a change makes stale goes
        "cache",
        "collapsing",  # only what is not in the cache is asked for
        "mirror",  # one call is copied once, and not for every try
        "traffic_split",  # tries stay on one side
        "timeout",  # all tries together have the route's time
        "retry",
    ]


def test_a_route_that_asks_for_nothing_has_no_layer_for_it() -> None:
    assert order(1) == ["metrics", "auth"]
