"""What a table says of who may call, and how browsers log in."""

from datetime import timedelta

import pytest

from gateway.table import Auth, parse
from kit.faults import Faulty

SERVICES = """
[services.things]
url = "http://things:8000"

[services.basket]
url = "http://basket:8000"
audience = "the-basket"
"""

SESSION = "[session]\n"


def faults_of(text: str) -> list[str]:
    with pytest.raises(Faulty) as refusal:
        parse(text)
    return refusal.value.faults


def route(more: str = "", path: str = "/a", auth: str = "none") -> str:
    return f'[[routes]]\npath = "{path}"\nto = "things"\nauth = "{auth}"\n{more}\n'


@pytest.mark.parametrize("auth", ["bearer", "session"])
def test_a_route_that_asks_who_is_calling_may_let_guests_in_and_count_users(auth: str) -> None:
    more = 'guest = true\nscopes = ["shop"]\nlimit = { rate = "5/second", by = "user" }'
    (only,) = parse(SERVICES + SESSION + route(more, auth=auth)).routes

    assert (only.auth, only.guest, only.scopes) == (Auth(auth), True, ("shop",))
    assert only.auth.tells_who


@pytest.mark.parametrize("auth", ["none", "service"])
@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('scopes = ["shop"]', "scopes ask for a user"),
        ("guest = true", "guest is for routes that ask who is calling"),
        ('limit = { rate = "5/second", by = "user" }', "a limit by user asks for a user"),
    ],
)
def test_other_routes_know_no_users(auth: str, more: str, what: str) -> None:
    (fault,) = faults_of(SERVICES + route(more, auth=auth))

    assert fault == f'route 1 (/a): {what}: set auth = "bearer" or "session"'


@pytest.mark.parametrize("value", ['"yes"', "1"])
def test_guest_is_true_or_false(value: str) -> None:
    (fault,) = faults_of(SERVICES + route(f"guest = {value}", auth="bearer"))

    assert fault.startswith("route 1 (/a): guest: ")


def test_credentials_are_handed_to_one_service_not_to_parts() -> None:
    (fault,) = faults_of(
        SERVICES + '[[routes]]\npath = "/a"\nauth = "service"\nparts.x = { from = "things:/x" }\n'
    )

    assert "hands credentials to one service" in fault


def test_a_service_may_have_another_name_among_audiences() -> None:
    assert parse(SERVICES + route()).audiences == {"things": "things", "basket": "the-basket"}


# Sessions.


def test_what_a_session_leaves_out_is_told_here() -> None:
    session = parse(SERVICES + SESSION + route()).session

    assert session is not None
    assert (session.path, session.scopes) == ("/web/session", ("openid", "profile", "email"))
    assert (session.idle, session.lasts) == (timedelta(minutes=30), timedelta(hours=12))
    assert (session.limit, session.adopt) == ((), ())
    assert parse(SERVICES + route()).session is None


def test_a_session_says_where_and_for_how_long_and_who_is_told_of_logins() -> None:
    session = parse(
        SERVICES
        + '[session]\npath = "/in"\nscopes = ["openid", "stock:write"]\nidle = "2h"\nlasts = "30d"\n'
        + 'limit = { rate = "5/minute", by = "address" }\nadopt = ["basket:/baskets/{user}/adoption"]\n'
        + route()
    ).session

    assert session is not None
    assert (session.idle, session.lasts) == (timedelta(hours=2), timedelta(days=30))
    assert [str(limit) for limit in session.limit] == ["5/minute by address"]
    (target,) = session.adopt
    assert target.path is not None
    assert (target.service, target.path.expand({"user": ["a b"]})) == ("basket", "/baskets/a%20b/adoption")


@pytest.mark.parametrize(
    ("line", "place", "what"),
    [
        ('path = "/in/{x}"', "session: path: ", "no placeholders"),
        ('path = "/in/"', "session: path: ", "no slash at its end"),
        ('path = "/"', "session: path: ", "no slash at its end"),
        ('path = "in"', "session: path: ", "does not begin with a slash"),
        ('scopes = ["profile"]', "session: ", "openid"),
        ('scopes = ["openid", "a b"]', "session: scopes: 1: ", "pattern"),
        ('idle = "13h"', "session: ", "idle is longer than lasts"),
        ('idle = "0s"', "session: idle: ", "greater than"),
        ('lasts = "400d"', "session: lasts: ", "less than"),
        ('lasts = "99999999999999999999d"', "session: lasts: ", "longer than anything"),
        ('limit = { rate = "5/second", by = "user" }', "session: ", "nobody yet"),
        ('adopt = ["basket"]', "session: ", "no placeholder but {user}"),
        ('adopt = ["basket:/{other}"]', "session: ", "no placeholder but {user}"),
        ('adopt = ["nobody:/{user}"]', "session: ", "adopt names the service 'nobody'"),
        ("colour = 1", "session: colour: ", "Extra inputs"),
    ],
)
def test_a_session_that_cannot_work_is_refused_with_its_place(line: str, place: str, what: str) -> None:
    (fault,) = faults_of(SERVICES + SESSION + line + "\n" + route(auth="session"))

    assert fault.startswith(place)
    assert what in fault


def test_session_routes_need_a_session() -> None:
    (fault,) = faults_of(SERVICES + route(auth="session"))

    assert fault == 'route 1 (/a): auth = "session" asks for a section [session]'


OWN = ["/web/session", "/web/session/login", "/web/session/{x}", "/web/session/{x:path}"]


@pytest.mark.parametrize("path", OWN)
def test_what_is_below_the_session_is_its_own(path: str) -> None:
    (fault,) = faults_of(SERVICES + SESSION + route('methods = ["DELETE"]\nhost = "a.test"', path=path))

    assert fault == f"route 1 ({path}): /web/session and what is below belong to the session"


def test_around_the_session_there_is_room() -> None:
    table = parse(
        SERVICES + SESSION + route(path="/web/{rest:path}") + route(path="/web/sessions") + route(path="/web")
    )

    assert len(table.routes) == 3
