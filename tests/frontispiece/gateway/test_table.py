from pathlib import Path

import pytest

from frontispiece.cli.tables import load_table
from frontispiece.errors import ConfigError
from frontispiece.gateway.config.route import Auth
from frontispiece.gateway.config.table import load
from tests.support.shop import PROJECT
from tests.support.tables import errors_in, errors_of, parsed, route

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
        ("services: others: url: ", "Field required"),
        ("services: others: uri: ", "unknown key"),
        ("services: others: health: ", "must be a table: the keys here are interval, path"),
        ("colour: ", "unknown key"),
        ("route 1 (/a/{id}): timeout: ", "'soon' is no duration"),
        ("route 2 (/b/../c): path: ", "a dot segment"),
        ("route 3 (/d): ", "to names the service 'nobody', which the table does not have"),
        ("route 4 (/e): auth: ", "Input should be 'none', 'bearer', 'session' or 'passthrough'"),
        ("route 4 (/e): limits: ", "unknown key"),
        ("route 5 (/f): ", "to uses id, which the path does not have"),
        ("route 6 (/g): ", 'scopes ask for a user: set auth = "bearer" or "session"'),
        ("route 7: path: ", "Field required"),
        ("route 7: methods: ", "at least 1 item"),
        ("route 8 (/h/{x}): methods: 1: ", "'a b' is no method"),
        ("route 10 (/i/{y}): ", "GET is answered by /i/{x} already"),
    ]:
        assert [error for error in errors if error.startswith(place) and what in error], (place, what)
    assert len(errors) == 16


def test_what_is_no_toml_is_refused_with_line_and_column() -> None:
    (error,) = errors_in('[services.things]\nurl = "http://a"\n[[routes]\n')

    assert error.startswith("This is not TOML: ")
    assert "line 3" in error


@pytest.mark.parametrize(
    ("text", "beginnings"),
    [
        ("", ["services: Field required", "routes: Field required"]),
        (SERVICES + "routes = []", ["services: things: routes: unknown key", "routes: Field required"]),
        (f"routes = [1]\n{SERVICES}", ["route 1: must be a table: the keys here are "]),
        (f"routes = []\n{SERVICES}", ["routes: a table has at least one route"]),
    ],
)
def test_a_table_of_another_shape_is_refused_in_words(text: str, beginnings: list[str]) -> None:
    errors = errors_in(text)

    assert len(errors) == len(beginnings)
    assert all(error.startswith(beginning) for error, beginning in zip(errors, beginnings, strict=True)), (
        errors
    )


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
    assert error == "route 2 (/{b:path}): GET is answered by /{a:path} already"


@pytest.mark.parametrize("host", ["", "shop.test:80", "http://shop.test", "*.test", "a b"])
def test_what_can_be_no_host_is_refused(host: str) -> None:
    (error,) = errors_of(route(host=host))

    assert error.startswith("route 1 (/a): host: ")


def test_a_table_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9")

    for path in (tmp_path / "missing.toml", tmp_path, latin):
        with pytest.raises(ConfigError, match="cannot be read") as refusal:
            load(path)
        assert str(path) in refusal.value.errors[0]


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
        ('[{ rate = "5/second", by = "route" }, { rate = "5/second" }]', "rate_limit: 1: by: "),
        ('"5/second"', "rate_limit: "),
    ],
)
def test_a_limit_that_is_incomplete_or_too_much_is_refused(limit: str, place: str) -> None:
    (error,) = errors_of(route(more=f"rate_limit = {limit}"))

    assert error.startswith(f"route 1 (/a): {place}")


def test_a_fault_of_a_file_has_its_line_and_the_nearest_valid_name(tmp_path: Path) -> None:
    file = tmp_path / "routes.toml"
    file.write_text(
        """# A comment.
[services]
catalog = { url = "http://catalog", breakr = {} }

[services.other]
url = "ftp://other"

[[routes]]
path = "/a"
to = "catalogue"
auth = "none"

[[routes]]  # another
path = "/b"
auth = "none"
methodes = ["GET"]
to = "catalog"

[routes.cache]
tll = "1m"

[[routes]]
path = "/c"
to = "unlike:/{x}"
auth = "nobody"
"""
    )

    with pytest.raises(ConfigError) as refusal:
        load(file)

    expected = [
        "routes.toml:3: services: catalog: breakr: unknown key: did you mean 'breaker'?",
        "routes.toml:6: services: other: url: 'ftp://other' is no address",
        "routes.toml:20: route 2 (/b): cache: tll: unknown key: did you mean 'ttl'?",
        "routes.toml:16: route 2 (/b): methodes: unknown key: did you mean 'methods'?",
        "routes.toml:25: route 3 (/c): auth: Input should be 'none', 'bearer', 'session' or 'passthrough'",
        "routes.toml:10: route 1 (/a): to names the service 'catalogue', which the table does not have",
    ]
    errors = refusal.value.errors
    assert all(error.startswith(what) for error, what in zip(errors, expected, strict=True)), errors
    assert errors[-1].endswith(": did you mean 'catalog'?")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ('methods = "GET"', '5: route 1 (/a): methods: must be a list: write ["GET"]'),
        ('scopes = "shop"', '5: route 1 (/a): scopes: must be a list: write ["shop"]'),
        ("methods = 1", "5: route 1 (/a): methods: must be a list"),
        (
            'to = "http://things:8000/x"',
            (
                "5: route 1 (/a): to: a URL is the address of a service: "
                'write [services.NAME] with url = "http://things:8000", and here to = "NAME:/x"'
            ),
        ),
        ('to = "things:/x/:id"', "5: route 1 (/a): to: ':id' is no placeholder: write {id}"),
        ('path = "/a/:id"', "5: route 1 (/a/:id): path: ':id' is no placeholder: write {id}"),
        ('path = "/a/<id>/b"', "5: route 1 (/a/<id>/b): path: '<id>' is no placeholder: write {id}"),
        ('path = "/a/*"', "5: route 1 (/a/*): path: '*' is no placeholder: write {rest:path}"),
    ],
)
def test_what_other_gateways_write_is_refused_with_what_is_written_here(
    tmp_path: Path, key: str, message: str
) -> None:
    keys = {"path": 'path = "/a"', "to": 'to = "things"'}
    others = [line for name, line in keys.items() if not key.startswith(name)]
    file = tmp_path / "routes.toml"
    file.write_text("\n".join([SERVICES, "[[routes]]", key, *others, 'auth = "none"']))

    with pytest.raises(ConfigError) as refused:
        load(file)

    assert refused.value.errors == [f"routes.toml:{message}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SERVICES + "[routes]", "must be a list of tables: each route is headed by [[routes]], in two pairs"),
        (
            SERVICES + "[routes.a]",
            "must be a list of tables: each route is headed by [[routes]], in two pairs",
        ),
        ("[[services]]", "services: must be tables by name: each service is headed by [services.NAME]"),
    ],
)
def test_sections_with_other_brackets_are_refused_with_those_that_are_meant(text: str, message: str) -> None:
    assert [error for error in errors_in(text) if message in error]
