"""What a table says of who may call, and how browsers log in."""

import tomllib

import pytest

from frontispiece.gateway.config.route import Auth
from tests.support.tables import errors_of, parsed, part, route


@pytest.mark.parametrize("auth", ["bearer", "session"])
def test_a_route_that_asks_who_is_calling_may_let_guests_in_and_count_users(auth: str) -> None:
    more = 'guest = true\nscopes = ["shop"]\nrate_limit = { rate = "5/second", by = "user" }'
    (only,) = parsed(route(more=more, auth=auth), session={}).routes

    assert (only.auth, only.guest, only.scopes) == (Auth(auth), True, ("shop",))
    assert only.auth.identifies_caller


@pytest.mark.parametrize("auth", ["none", "passthrough"])
@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('scopes = ["shop"]', "scopes ask for a user"),
        ("guest = true", "guest is for routes that identify callers"),
        ('guest_methods = ["POST"]', "guest is for routes that identify callers"),
        ('rate_limit = { rate = "5/second", by = "user" }', "a rate_limit by user asks for a user"),
        (
            'rate_limit = { rate = "5/second", by = "client" }',
            "a rate_limit by client asks for a user",
        ),
    ],
)
def test_other_routes_know_no_users(auth: str, more: str, what: str) -> None:
    (error,) = errors_of(route(more=more, auth=auth))

    assert error == f'route 1 (/a): {what}: set auth = "bearer" or "session"'


def test_guests_that_post_have_no_session() -> None:
    (error,) = errors_of(route(auth="session", guest=True, guest_methods=["POST"]), session={})

    assert error == 'route 1 (/a): guest_methods need auth = "bearer" and guest = true'


def test_credentials_are_handed_to_one_service_not_to_parts() -> None:
    (error,) = errors_of(route(auth="passthrough", parts={"x": part("things:/x")}))

    assert "hands credentials to one service" in error


def test_a_service_may_have_another_name_among_audiences() -> None:
    table = parsed(route(), services={"basket": {"audience": "the-basket"}})
    assert table.audiences == {"things": "things", "basket": "the-basket"}


# Sessions.


@pytest.mark.parametrize(
    ("line", "place", "what"),
    [
        ('path = "/in/{x}"', "session: path: ", "no placeholders"),
        ('path = "/in/"', "session: path: ", "no slash at its end"),
        ('path = "in"', "session: path: ", "does not begin with a slash"),
        ('scopes = ["profile"]', "session: ", "openid"),
        ('idle_timeout = "13h"', "session: ", "idle_timeout is longer than absolute_timeout"),
        ('absolute_timeout = "99999999999999999999d"', "session: absolute_timeout: ", "is out of range"),
        ('rate_limit = { rate = "5/second", by = "user" }', "session: ", "not known before the login"),
        ('guest_merge = ["basket"]', "session: ", "no placeholder but {user}"),
        ('guest_merge = ["basket:/{other}"]', "session: ", "no placeholder but {user}"),
        ('guest_merge = ["nobody:/{user}"]', "session: ", "guest_merge names the service 'nobody'"),
        ("colour = 1", "session: colour: ", "unknown key"),
    ],
)
def test_a_session_that_cannot_work_is_refused_with_its_place(line: str, place: str, what: str) -> None:
    session = tomllib.loads(line)
    (error,) = errors_of(route(auth="session"), session=session, services={"nobody": None, "basket": {}})

    assert error.startswith(place)
    assert what in error


def test_session_routes_need_a_session() -> None:
    (error,) = errors_of(route(auth="session"))

    assert error == 'route 1 (/a): auth = "session" asks for a section [session]'


OWN = ["/web/session", "/web/session/login", "/web/session/{x}", "/web/session/{x:path}"]


@pytest.mark.parametrize("path", OWN)
def test_what_is_below_the_session_is_its_own(path: str) -> None:
    (error,) = errors_of(route(path, methods=["DELETE"], host="a.test"), session={})

    assert error == f"route 1 ({path}): /web/session and what is below belong to the session"
