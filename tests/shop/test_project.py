"""The shop's frontispiece.toml says of the demo what the services' seeds make."""

from frontispiece.cli.route_table import load_table
from shop.demo import PASSWORD, USERS
from tests.support.shop import PROJECT


def test_the_demo_users_are_those_that_identity_seeds() -> None:
    assert PROJECT.demo.users == tuple(USERS)
    assert PROJECT.demo.password == PASSWORD


def test_the_bffs_and_ordering_may_say_no_more_than_they_need() -> None:
    for name in ("bff-web", "bff-mobile", "bff-agent", "ordering"):
        grant = PROJECT.apps[name].token_grant
        assert set(grant.scopes) <= {"shop", "guest"}, name
        assert "*" not in grant.audiences, name
        assert "identity" not in grant.audiences, name
        assert not (grant.guests and grant.merges_guests), name
    assert not PROJECT.apps["ordering"].token_grant.guests


def test_the_scopes_that_front_login_requests_are_all_that_demo_users_have() -> None:
    assert PROJECT.login is not None
    assert set(PROJECT.login.scope.split()) == {
        "openid",
        *(scope for scopes in USERS.values() for scope in scopes),
    }


def test_the_gateway_is_unready_without_what_orders_need_and_not_without_what_decorates() -> None:
    table = load_table(PROJECT, PROJECT.routes)

    assert set(table.services) - table.needed == {
        *(
            "bff-agent",
            "bff-operator",
            "catalog-grpc",
            "discount",
            "feed",
            "pickup",
            "recommendation",
            "reviews",
            "sales",
        )
    }


def test_under_overload_logins_are_never_refused_and_partners_first() -> None:
    priorities = {route.path: route.priority for route in load_table(PROJECT, PROJECT.routes).routes}

    assert {priorities[path] for path in priorities if path.startswith("/identity/")} == {"critical"}
    assert {priorities[path] for path in priorities if path.startswith("/api/")} == {"low"}
    assert (priorities["/web/home"], priorities["/web/orders"]) == ("normal", "high")


def test_versions_that_are_too_old_are_refused_wherever_clients_call_but_where_they_learn_of_it() -> None:
    of_clients = {
        (route.path, route.layers is not None)
        for route in load_table(PROJECT, PROJECT.routes).routes
        if route.path.startswith(("/web/", "/mobile/"))
    }

    assert len(of_clients) > 20
    assert {path for path, refuses in of_clients if not refuses} == {"/mobile/config", "/web/graphiql/{file}"}
