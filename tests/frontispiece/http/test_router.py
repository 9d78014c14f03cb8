import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.gateway.config.route import Route
from frontispiece.http.paths import Parameter, segments_of
from frontispiece.http.router import Match, Matcher, MethodNotAllowed, Pattern, RouteNotFound


def route(path: str, *methods: str, host: str | None = None) -> Route:
    return Route.model_validate(
        {"path": path, "methods": methods or ("GET",), "host": host, "to": "s", "auth": "none"}
    )


def pattern(each: Route) -> Pattern:
    return Pattern(template=each.template, methods=each.methods, host=each.host)


def matcher(*routes: Route) -> Matcher[str]:
    return Matcher((pattern(each), f"{each.host or ''}{each.path}") for each in routes)


def named(each: Route) -> str:
    return f"{' '.join(each.methods)} {each.host or ''}{each.path}"


def find(routes: Matcher[str], path: str, method: str = "GET", host: str = "") -> Match[str]:
    return routes.match(method, host, segments_of(path.encode()))


def test_a_method_that_no_matching_path_has_is_a_405_with_all_that_some_have() -> None:
    routes = matcher(
        route("/a/b"),
        route("/a/{x}", "PUT"),
        route("/{rest:path}", "DELETE", "PUT"),
        route("/a/b", "POST", host="shop.test"),
        route("/z", "PATCH"),
    )

    with pytest.raises(MethodNotAllowed) as refusal:
        find(routes, "/a/b", "PATCH", host="shop.test")
    assert refusal.value.allowed == ["DELETE", "GET", "HEAD", "POST", "PUT"]


def test_get_answers_head_unless_head_has_a_route_of_its_own() -> None:
    own = route("/a", "HEAD", host="own.test")
    for pair in ([own, route("/a", host="own.test")], [route("/a", host="own.test"), own]):
        routes = Matcher((pattern(each), named(each)) for each in (*pair, route("/a"), route("/b", "PUT")))

        assert find(routes, "/a", "HEAD").target == "GET /a"
        assert find(routes, "/a", "HEAD", host="own.test").target == "HEAD own.test/a"
        with pytest.raises(MethodNotAllowed):
            find(routes, "/b", "HEAD")


# Against a matcher so simple that it can be seen to be right.


def naive(routes: Iterable[Route], method: str, segments: list[str]) -> Route | None:
    """The best of all matching routes, compared segment by segment; `{x}` of several routes are alike."""
    fitting = [r for r in routes if method in r.methods and fits(r, segments)]
    return min(fitting, key=rank, default=None)


def fits(route: Route, segments: list[str]) -> bool:
    parts = route.template.parts
    if isinstance(parts[-1], Parameter) and parts[-1].takes_rest:
        parts = parts[:-1]
        if len(segments) <= len(parts):
            return False
    elif len(segments) != len(parts):
        return False
    return all(
        s == p if isinstance(p, str) else s != "" for p, s in zip(parts, segments[: len(parts)], strict=True)
    )


def rank(route: Route) -> list[int]:
    return [0 if isinstance(p, str) else 2 if p.takes_rest else 1 for p in route.template.parts]


templates = st.builds(
    lambda pieces, rest: "/" + "/".join(p.format(f"{{p{n}}}") for n, p in enumerate([*pieces, *rest])),
    st.lists(st.sampled_from(["a", "b", "{}"]), min_size=1, max_size=4),
    st.sampled_from([[], ["{{rest:path}}"]]),
)
tables = st.lists(
    st.tuples(templates, st.sampled_from(["GET", "PUT", "DELETE"])),
    unique_by=lambda entry: (route(entry[0]).template.shape, entry[1]),
    max_size=12,
)


@given(tables, st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5), st.booleans())
def test_it_finds_what_comparing_every_route_finds(
    entries: list[tuple[str, str]],
    segments: list[str],
    slash: bool,  # noqa: FBT001 (drawn, not called)
) -> None:
    routes = [route(path, method) for path, method in entries]
    requested = [*segments, ""] if slash else segments
    best = naive(routes, "PUT", requested)
    allowed = {m for r in routes if fits(r, requested) for m in r.methods}

    found = outcome(Matcher((pattern(each), named(each)) for each in routes), "PUT", requested)

    if best is not None:
        assert isinstance(found, Match)
        assert found.target == named(best)
        assert segments_of(best.template.expand(found.params).encode()) == requested
    else:
        assert found == (sorted(allowed | ({"HEAD"} if "GET" in allowed else set())) or None)


def outcome(routes: Matcher[str], method: str, segments: list[str]) -> Match[str] | list[str] | None:
    """What is found, else the methods that are allowed, else None."""
    try:
        return routes.match(method, "", segments)
    except MethodNotAllowed as refusal:
        return refusal.allowed
    except RouteNotFound:
        return None


def test_finding_one_of_many_routes_takes_about_as_long_as_finding_one_of_few() -> None:
    routes = [route(f"/{kind}-{n}/{{name}}/{kind}") for kind in ("repos", "users") for n in range(300)]
    wanted, segments = routes[150], ["repos-150", "name", "repos"]

    def seconds(tree: Matcher[str]) -> float:
        def once() -> float:
            begun = time.thread_time()
            for _ in range(500):
                tree.match("GET", "", segments)
            return time.thread_time() - begun

        return min(once() for _ in range(10))

    assert seconds(matcher(*routes)) < 3 * seconds(matcher(wanted))
