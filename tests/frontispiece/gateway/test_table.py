import pytest

from frontispiece.cli.route_table import load_table
from frontispiece.gateway.config.route import Auth
from tests.support.shop import PROJECT
from tests.support.tables import errors_of, parsed, route

SERVICES = '[services.things]\nurl = "http://things:8000"\n'


def test_every_error_of_a_table_is_reported_at_once_with_its_place() -> None:
    errors = errors_of(
        route("/a/{id}", timeout="soon"),
        route("/b/../c"),
        route("/d", to="nobody"),
        route("/e", auth="perhaps", limits=3),
        route("/f", to="things:/f/{id}"),
        route("/g", scopes=["shop"]),
        route(None, methods=[]),
        route("/h/{x}", methods=["GET", "a b"]),
        route("/i/{x}"),
        route("/i/{y}", auth="bearer"),
        services={
            "things": "gopher://things",
            "others": {"url": None, "uri": "http://others", "health": "/healthz"},
            "nobody": None,
        },
        colour="blue",
    )

    for place, what in [
        ("services: things: url: ", "'gopher://things' is no address"),
        ("services: others: url: ", "is missing"),
        ("services: others: uri: ", "unknown key"),
        ("services: others: health: ", "must be a table: the keys here are interval, path"),
        ("colour: ", "unknown key"),
        ("route 1 (/a/{id}): timeout: ", "'soon' is no duration"),
        ("route 2 (/b/../c): path: ", "a dot segment"),
        ("route 3 (/d): ", "to names the service 'nobody', which the table does not have"),
        ("route 4 (/e): auth: ", "'perhaps' is none of 'none', 'bearer', 'session' or 'passthrough'"),
        ("route 4 (/e): limits: ", "unknown key"),
        ("route 5 (/f): ", "to uses id, which the path does not have"),
        ("route 6 (/g): ", 'scopes ask for a user: set auth = "bearer" or "session"'),
        ("route 7: path: ", "is missing"),
        ("route 7: methods: ", "at least 1 item"),
        ("route 8 (/h/{x}): methods: 1: ", "'a b' is no method"),
        ("route 10 (/i/{y}): ", "GET is answered by /i/{x} already"),
    ]:
        assert [error for error in errors if error.startswith(place) and what in error], (place, what)
    assert len(errors) == 16


@pytest.mark.parametrize(
    "url",
    ["things", "ftp://things", "http://", "http://:80", "http://a/b", "http://u:p@a", "http://a:99999", ""],
)
def test_other_addresses_are_refused(url: str) -> None:
    (error,) = errors_of(route(), services={"things": url})

    assert error.startswith("services: things: url: ")


@pytest.mark.parametrize(
    "value", ['"0s"', '"-1s"', '"11m"', '"1h"', '"5"', '"s"', '"1 s"', "5", "true", '"inf s"']
)
def test_a_duration_of_nothing_or_too_much_or_without_unit_is_refused(value: str) -> None:
    (error,) = errors_of(route(more=f"timeout = {value}"))

    assert error.startswith("route 1 (/a): timeout: ")


@pytest.mark.parametrize(
    ("method", "why"),
    [
        ("", "'' is no method"),
        ("*", "'*' is no method"),
        ("GET,HEAD", "'GET,HEAD' is no method"),
        ("GÉT", "'GÉT' is no method"),
        ("get", "methods are in capitals: write 'GET'"),
        ("Options", "methods are in capitals: write 'OPTIONS'"),
        ("CONNECT", "it opens a tunnel"),
        ("TRACE", "its response repeats the request"),
    ],
)
def test_a_method_that_no_route_can_answer_is_refused(method: str, why: str) -> None:
    (error,) = errors_of(route(methods=["GET", method]))

    assert error.startswith("route 1 (/a): methods: 1: ")
    assert why in error


def test_a_placeholder_and_the_rest_are_no_duplicates_but_two_of_a_kind_are() -> None:
    parsed(route("/{a}"), route("/{b:path}"))

    (error,) = errors_of(route("/{a:path}"), route("/{b:path}"))
    assert error == "route 2 (/{b:path}): GET is answered by /{a:path} already: leave one of them"


@pytest.mark.parametrize("host", ["", "shop.test:80", "http://shop.test", "*.test", "a b"])
def test_what_can_be_no_host_is_refused(host: str) -> None:
    (error,) = errors_of(route(host=host))

    assert error.startswith("route 1 (/a): host: ")


def test_the_shops_own_table_is_in_order() -> None:
    table = load_table(PROJECT, PROJECT.routes)

    assert {"bff-web", "bff-mobile", "catalog"} <= table.services.keys()
    writes = [r for r in table.routes if set(r.methods) - {"GET", "HEAD"}]
    assert writes
    assert all(r.auth is not Auth.NONE for r in writes), "no unauthenticated write anywhere"


@pytest.mark.parametrize(
    "rate",
    [
        '"50"',
        '"0/second"',
        '"5/seconds"',
        '"1000000/day"',
        '"٣/day"',
        "5",
    ],
)
def test_what_is_no_rate_is_refused(rate: str) -> None:
    (error,) = errors_of(route(more=f'rate_limit = {{ rate = {rate}, by = "route" }}'))

    assert error.startswith("route 1 (/a): rate_limit: rate: ")
    assert "is no rate" in error


@pytest.mark.parametrize(
    ("limit", "place"),
    [
        ('{ by = "route" }', "rate_limit: rate: "),
        ('{ rate = "5/second", by = "colour" }', "rate_limit: by: "),
        ('{ rate = "5/second", by = "route", burst = 0 }', "rate_limit: burst: "),
        ('{ rate = "5/second", by = "key" }', 'rate_limit: by = "key" and header'),
        ('{ rate = "5/second", by = "route", header = "x-api-key" }', 'rate_limit: by = "key" and header'),
        ('{ rate = "5/second", by = "key", header = "x api" }', "rate_limit: header: "),
        ('{ rate = "5/second", by = "key", header = "Cookie" }', "rate_limit: header: cookie has"),
        ('{ rate = "5/second", by = "key", header = "X-User-Key" }', "rate_limit: header: x-user-key has"),
        ('{ rate = "5/second", by = "key", header = "x_key" }', "rate_limit: header: x_key has"),
        ('[{ rate = "5/second", by = "route" }, { rate = "5/second" }]', "rate_limit: 1: by: "),
        ('"5/second"', "rate_limit: "),
    ],
)
def test_a_limit_that_is_incomplete_or_too_much_is_refused(limit: str, place: str) -> None:
    (error,) = errors_of(route(more=f"rate_limit = {limit}"))

    assert error.startswith(f"route 1 (/a): {place}")
