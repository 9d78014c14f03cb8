from datetime import timedelta
from pathlib import Path

import pytest

from gateway.table import Auth, load, parse
from kit.faults import Faulty

ROOT = Path(__file__).parents[2]

SERVICES = """
[services.things]
url = "http://things:8000"
"""


def faults_of(text: str) -> list[str]:
    with pytest.raises(Faulty) as refusal:
        parse(text)
    return refusal.value.faults


def route(more: str, path: str = "/a", auth: str = "none", to: str = "things") -> str:
    return f'[[routes]]\npath = "{path}"\nto = "{to}"\nauth = "{auth}"\n{more}\n'


def test_a_route_says_where_it_leads_and_under_which_policy() -> None:
    table = parse(
        SERVICES
        + route(
            'host = "shop.test"\nmethods = ["PUT", "DELETE"]\nscopes = ["write"]\ntimeout = "150ms"',
            path="/a/{id}",
            auth="bearer",
            to="things:/inner/{id}",
        )
    )

    (only,) = table.routes
    assert (only.host, only.methods, only.auth, only.scopes) == (
        "shop.test",
        ("PUT", "DELETE"),
        Auth.BEARER,
        ("write",),
    )
    assert only.to is not None
    assert (only.to.service, str(only.target), only.timeout) == (
        "things",
        "/inner/{id}",
        timedelta(milliseconds=150),
    )


def test_what_a_route_leaves_out_is_get_on_every_host_for_ten_seconds_at_the_same_path() -> None:
    (only,) = parse(SERVICES + route("", path="/a/{id}")).routes

    assert (only.host, only.methods, only.scopes, only.timeout) == (None, ("GET",), (), timedelta(seconds=10))
    assert str(only.target) == "/a/{id}"


def test_a_table_is_frozen() -> None:
    table = parse(SERVICES + route(""))

    with pytest.raises(ValueError, match="frozen"):
        table.routes[0].path = "/b"  # type: ignore[misc]  # that is the point


def test_every_fault_of_a_table_is_told_at_once_with_its_place() -> None:
    faults = faults_of(
        """
        colour = "blue"

        [services.things]
        url = "gopher://things"

        [services.others]
        uri = "http://others"

        [[routes]]
        path = "/a/{id}"
        to = "things"
        auth = "none"
        timeout = "soon"

        [[routes]]
        path = "/b/../c"
        to = "things"
        auth = "none"

        [[routes]]
        path = "/d"
        to = "nobody"
        auth = "none"

        [[routes]]
        path = "/e"
        to = "things"
        auth = "perhaps"
        limits = 3

        [[routes]]
        path = "/f"
        to = "things:/f/{id}"
        auth = "none"

        [[routes]]
        path = "/g"
        to = "things"
        auth = "none"
        scopes = ["shop"]

        [[routes]]
        to = "things"
        auth = "none"
        methods = []

        [[routes]]
        path = "/h/{x}"
        to = "things"
        auth = "none"
        methods = ["GET", "BREW"]

        [[routes]]
        path = "/i/{x}"
        to = "things"
        auth = "none"

        [[routes]]
        path = "/i/{y}"
        to = "things"
        auth = "bearer"
        """
    )

    for place, what in [
        ("services: things: url: ", "'gopher://things' is no address"),
        ("services: others: url: ", "Field required"),
        ("services: others: uri: ", "Extra inputs are not permitted"),
        ("colour: ", "Extra inputs are not permitted"),
        ("route 1 (/a/{id}): timeout: ", "'soon' is no duration"),
        ("route 2 (/b/../c): path: ", "a dot segment"),
        ("route 3 (/d): ", "to names the service 'nobody', which the table does not have"),
        ("route 4 (/e): auth: ", "Input should be 'none', 'bearer', 'session' or 'service'"),
        ("route 4 (/e): limits: ", "Extra inputs are not permitted"),
        ("route 5 (/f): ", "to uses id, which the path does not have"),
        ("route 6 (/g): ", 'scopes ask for a user: set auth = "bearer" or "session"'),
        ("route 7: path: ", "Field required"),
        ("route 7: methods: ", "at least 1 item"),
        ("route 8 (/h/{x}): methods: 1: ", "Input should be 'GET'"),
        ("route 10 (/i/{y}): ", "GET is answered by /i/{x} already"),
    ]:
        assert [fault for fault in faults if fault.startswith(place) and what in fault], (place, what)
    assert len(faults) == 15


def test_what_is_no_toml_is_refused_with_line_and_column() -> None:
    (fault,) = faults_of('[services.things]\nurl = "http://a"\n[[routes]\n')

    assert fault.startswith("This is not TOML: ")
    assert "line 3" in fault


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["services: Field required", "routes: Field required"]),
        ("services = 1\nroutes = 2", ["services: Input should be a valid dict", "routes: Input should be a"]),
        (
            "[services]\n[routes]",
            ["services: Dictionary should have at least 1", "routes: Input should be a"],
        ),
        (SERVICES + "routes = []", ["services: things: routes: Extra inputs", "routes: Field required"]),
        (f"routes = [1]\n{SERVICES}", ["route 1: Input should be a valid dict"]),
        (f"routes = []\n{SERVICES}", ["routes: a table has at least one route"]),
    ],
)
def test_a_table_of_another_shape_is_refused_in_words(text: str, told: list[str]) -> None:
    faults = faults_of(text)

    assert len(faults) == len(told)
    assert all(fault.startswith(beginning) for fault, beginning in zip(faults, told, strict=True)), faults


@pytest.mark.parametrize(
    "url", ["registry://things", "https://things", "app://module:factory", "http://h:1/"]
)
def test_an_address_names_a_scheme_and_a_host(url: str) -> None:
    assert parse(f'[services.things]\nurl = "{url}"\n' + route("")).services["things"].url == (url,)


@pytest.mark.parametrize(
    "url",
    ["things", "ftp://things", "http://", "http://:80", "http://a/b", "http://u:p@a", "http://a:99999", ""],
)
def test_other_addresses_are_refused(url: str) -> None:
    (fault,) = faults_of(f'[services.things]\nurl = "{url}"\n' + route(""))

    assert fault.startswith("services: things: url: ")


@pytest.mark.parametrize(("text", "seconds"), [("1ms", 0.001), ("1.5s", 1.5), ("2m", 120), ("10m", 600)])
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    (only,) = parse(SERVICES + route(f'timeout = "{text}"')).routes

    assert only.timeout == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value", ['"0s"', '"-1s"', '"11m"', '"1h"', '"5"', '"s"', '"1 s"', "5", "true", '"inf s"']
)
def test_a_duration_of_nothing_or_too_much_or_without_unit_is_refused(value: str) -> None:
    (fault,) = faults_of(SERVICES + route(f"timeout = {value}"))

    assert fault.startswith("route 1 (/a): timeout: ")


def test_the_same_path_is_free_for_other_methods_and_hosts() -> None:
    table = parse(
        SERVICES
        + route("")
        + route('methods = ["PUT"]')
        + route('host = "a.test"')
        + route('host = "b.test"')
    )

    assert len(table.routes) == 4


def test_a_placeholder_and_the_rest_are_no_duplicates_but_two_of_a_kind_are() -> None:
    parse(SERVICES + route("", path="/{a}") + route("", path="/{b:path}"))

    (fault,) = faults_of(SERVICES + route("", path="/{a:path}") + route("", path="/{b:path}"))
    assert fault == "route 2 (/{b:path}): GET is answered by /{a:path} already"


def test_hosts_are_names_whatever_their_case() -> None:
    (only,) = parse(SERVICES + route('host = "Shop.Test"')).routes
    assert only.host == "shop.test"

    (fault,) = faults_of(SERVICES + route('host = "shop.test"') + route('host = "SHOP.test"'))
    assert fault == "route 2 (/a): GET is answered by /a already"


@pytest.mark.parametrize("host", ["", "shop.test:80", "http://shop.test", "*.test", "a b"])
def test_what_can_be_no_host_is_refused(host: str) -> None:
    (fault,) = faults_of(SERVICES + route(f'host = "{host}"'))

    assert fault.startswith("route 1 (/a): host: ")


def test_a_table_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9")

    for path in (tmp_path / "missing.toml", tmp_path, latin):
        with pytest.raises(Faulty, match="cannot be read") as refusal:
            load(path)
        assert str(path) in refusal.value.faults[0]


def test_the_shops_own_table_is_in_order() -> None:
    table = load(ROOT / "routes.toml")

    assert {"bff-web", "bff-mobile", "catalog"} <= table.services.keys()
    writes = [r for r in table.routes if set(r.methods) - {"GET", "HEAD"}]
    assert writes
    assert all(r.auth is not Auth.NONE for r in writes), "no unauthenticated write anywhere"


def test_a_limit_is_a_rate_for_whom_and_a_burst_as_large_as_the_rate_unless_it_says_otherwise() -> None:
    table = parse(
        SERVICES
        + route('limit = { rate = "50/second", burst = 100, by = "user" }', auth="bearer")
        + route('limit = { rate = "7/minute", by = "address" }', path="/b")
        + route('limit = { rate = "999999/day", by = "route" }', path="/c")
    )

    limits = [limit for each in table.routes for limit in each.limit]
    assert [(each.rate.calls, each.rate.seconds, each.at_once) for each in limits] == [
        (50, 1, 100),
        (7, 60, 7),
        (999_999, 86_400, 999_999),
    ]
    assert [str(each) for each in limits] == [
        "50/second by user",
        "7/minute by address",
        "999999/day by route",
    ]


@pytest.mark.parametrize(
    "rate",
    [
        '"50"',
        '"0/second"',
        '"-1/second"',
        '"1.5/second"',
        '"5/week"',
        '"5/seconds"',
        '"1000000/day"',
        '"٣/day"',
        "5",
    ],
)
def test_what_is_no_rate_is_refused(rate: str) -> None:
    (fault,) = faults_of(SERVICES + route(f'limit = {{ rate = {rate}, by = "route" }}'))

    assert fault.startswith("route 1 (/a): limit: rate: ")
    assert "is no rate" in fault


@pytest.mark.parametrize(
    ("limit", "place"),
    [
        ('{ by = "route" }', "limit: rate: "),
        ('{ rate = "5/second" }', "limit: by: "),
        ('{ rate = "5/second", by = "colour" }', "limit: by: "),
        ('{ rate = "5/second", by = "route", burst = 0 }', "limit: burst: "),
        ('{ rate = "5/second", by = "route", burst = 1000000 }', "limit: burst: "),
        ('{ rate = "5/second", by = "route", shared = 1 }', "limit: shared: "),
        ('{ rate = "5/second", by = "key" }', 'limit: by = "key" and header'),
        ('{ rate = "5/second", by = "route", header = "x-api-key" }', 'limit: by = "key" and header'),
        ('{ rate = "5/second", by = "key", header = "x api" }', "limit: header: "),
        ('{ rate = "5/second", by = "key", header = "Cookie" }', "limit: header: what is in cookie"),
        ('[{ rate = "5/second", by = "route" }, { rate = "5/second" }]', "limit: 1: by: "),
        ('"5/second"', "limit: "),
    ],
)
def test_a_limit_that_is_incomplete_or_too_much_is_refused(limit: str, place: str) -> None:
    (fault,) = faults_of(SERVICES + route(f"limit = {limit}"))

    assert fault.startswith(f"route 1 (/a): {place}")


def test_a_limit_by_user_asks_for_a_user_and_is_told_along_with_other_faults_of_the_route() -> None:
    (fault,) = faults_of(
        SERVICES + route('limit = { rate = "5/second", by = "user" }\nscopes = ["shop"]', to="things:/b/{id}")
    )

    for part in ("a limit by user asks for a user", "scopes ask for a user", "to uses id"):
        assert part in fault
