"""Operations in one response: errors, limits, and what is accepted."""

import re
from pathlib import Path

import pytest

from frontispiece import telemetry
from frontispiece.errors import ConfigError
from frontispiece.graphql import Graph, Limits
from frontispiece.graphql.endpoint import GraphEndpoint
from frontispiece.graphql.persisted import id_of
from frontispiece.pages.usage import collect
from tests.conftest import AppClient
from tests.frontispiece.graphql.conftest import TITLES, GraphOf, Library, app_of, ask, persist
from tests.support.otlp import Collector
from tests.support.serving import servers


async def test_a_failure_of_an_upstream_is_an_error_with_the_code_of_its_problem(library: Library) -> None:
    async with library() as http:
        answer = await ask(http, "{ missing { title } books(limit: 1) { title } }")

    assert answer["data"] == {"missing": None, "books": [{"title": "Book 1"}]}
    (error,) = answer["errors"]
    assert error["path"] == ["missing"]
    assert error["extensions"] == {
        "code": "book-unknown",
        "status": 404,
        "type": "urn:frontispiece:problem:book-unknown",
    }


async def test_a_fallback_degrades_the_response(library: Library) -> None:
    async with library() as http:
        answer = await http.post("/graphql", json={"query": "{ first: news }"})

    assert answer.json()["data"] == {"first": []}
    assert answer.headers["page-degraded"] == "first;reason=unavailable"


async def test_a_bug_discloses_nothing(library: Library) -> None:
    async with library() as http:
        answer = await http.post("/graphql", json={"query": "{ broken }"}, headers={"X-Request-Id": "r-1"})

    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "internal-error"
    assert "r-1" in error["message"]
    assert "inside" not in answer.text


async def test_an_argument_that_does_not_fit_is_the_clients_error(library: Library) -> None:
    async with library() as http:
        answer = await ask(http, "query ($n: Int) { books(limit: $n) { title } }", variables={"n": "three"})

    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == "graphql-invalid"


NESTED = "{ books { sequels { sequels { title } } } }"
SPREAD = "{ ...A ...A } fragment A on Query { ...B ...B } fragment B on Query { one: __typename }"


@pytest.mark.parametrize(
    ("limits", "query", "name"),
    [
        (Limits(depth=3), NESTED, "depth"),
        (Limits(aliases=1), "{ one: __typename two: __typename }", "aliases"),
        (Limits(aliases=3), SPREAD, "aliases"),
        (Limits(directives=1), "{ __typename @skip(if: false) @include(if: true) }", "directives"),
        (Limits(selections=20), "{" + "books { title } " * 11 + "}", "selections"),
        (Limits(depth=99), "{ books " + "{ sequels(limit: 2000000000) " * 40 + "{ title" + "}" * 42, "cost"),
        (Limits(cost=500), "{ books(limit: 100) { sequels(limit: 10) { title } } }", "cost"),
    ],
)
async def test_an_operation_that_demands_too_much_is_refused(
    library: Library, graph_of: GraphOf, limits: Limits, query: str, name: str
) -> None:
    async with library(graph_of(limits=limits)) as http:
        answer = await http.post("/graphql", json={"query": query}, headers={"Accept": RESPONSE})

    assert answer.status_code == 400
    extensions = answer.json()["errors"][0]["extensions"]
    assert (extensions["code"], extensions["limit"]["name"]) == ("demand-exceeded", name)


RESPONSE = "application/graphql-response+json"


@pytest.mark.parametrize("query", ["{" + "a" * 5 + " b" * 3000 + "}", "{" + "a{" * 900 + "b" + "}" * 901])
async def test_a_document_of_too_many_tokens_is_refused(library: Library, query: str) -> None:
    async with library() as http:
        answer = await http.post("/graphql", json={"query": query}, headers={"Accept": RESPONSE})

    assert answer.status_code == 400


async def test_variables_count_for_the_cost(library: Library, graph_of: GraphOf) -> None:
    query = "query ($n: Int = 2) { books(limit: $n) { title } }"
    async with library(graph_of(limits=Limits(cost=50))) as http:
        few = await ask(http, query)
        many = await ask(http, query, variables={"n": 100})
        same = await ask(http, query, variables={"n": 100.0})

    assert (few["extensions"]["cost"], len(few["data"]["books"])) == (12, 2)
    assert many["errors"][0]["extensions"]["limit"] == {"name": "cost", "value": 100, "max": 50}
    assert same == many


async def test_in_measure_mode_it_is_carried_out_and_logged(
    library: Library, graph_of: GraphOf, caplog: pytest.LogCaptureFixture
) -> None:
    async with library(graph_of(limits=Limits(mode="measure", depth=1))) as http:
        answer = await ask(http, NESTED)

    assert "errors" not in answer
    assert "its depth would be 4, and may be 1" in caplog.text


async def test_developers_may_ask_for_the_schema(library: Library) -> None:
    async with library() as http:
        answer = await ask(http, "{ __schema { queryType { name } } }")

    assert answer["data"] == {"__schema": {"queryType": {"name": "Query"}}}


async def test_a_head_is_a_get_and_no_parameter_is_nested_too_deeply(library: Library) -> None:
    nested = '{"a":' + "[" * 1200 + "]" * 1200 + "}"
    async with library() as http:
        head = await http.head("/graphql", params={"query": TITLES})
        refused = [
            await http.get("/graphql", params={"query": TITLES, name: nested})
            for name in ("variables", "extensions")
        ]

    assert (head.status_code, head.content) == (200, b"")
    assert "etag" in head.headers
    assert [each.status_code for each in refused] == [400, 400]


@pytest.mark.parametrize(
    ("pages", "shown"), [(2**31, 2**31), (2**53 - 1, 2**53 - 1), (-(2**62), str(-(2**62)))]
)
async def test_a_long_number_is_exact(library: Library, pages: int, shown: int | str) -> None:
    graph = Graph("/graphql", deadline=5.0)

    @graph.query()
    async def words() -> int:
        return pages

    async with library(graph) as http:
        assert (await ask(http, "{ words }"))["data"] == {"words": shown}


async def test_a_mutation_is_no_get(library: Library) -> None:
    query = 'mutation { add(book: {title: "A", pages: 2}) { title pages } }'
    async with library() as http:
        got = await http.get("/graphql", params={"query": query})
        posted = await ask(http, query)

    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert posted["data"] == {"add": {"title": "A", "pages": 2}}


def test_a_graph_that_cannot_work_is_refused_with_every_error() -> None:
    graph = Graph("/graphql", deadline=1.0)

    @graph.query()
    async def untyped(name) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
        return str(name)

    @graph.query()
    async def endless() -> str:
        return ""

    graph.query(name="endless")(endless)
    graph.subscription()(endless)

    with pytest.raises(ConfigError) as refused:
        app_of(graph)

    assert refused.value.errors == [
        "/graphql: untyped: name: annotate each parameter",
        "/graphql: Query.endless is declared twice: leave one of them",
        "/graphql: endless: a subscription is an async generator: it yields events",
    ]


async def test_runs_are_counted_by_client_and_operation_against_their_budget(
    app_client: AppClient, graph_of: GraphOf, folder: Path
) -> None:
    over = TITLES.replace("Titles", "Titles @budget(calls: 0, ms: 0)")
    persist(folder, over)
    app = app_of(graph_of(folder=folder), accept_any=False)
    async with app_client(app) as http:
        for client in ("web/1.0.0", "stranger/1.0.0"):
            await http.post("/graphql", json={"documentId": id_of(over)}, headers={"X-Client": client})
    (endpoint,) = (api for api in app.apis if isinstance(api, GraphEndpoint))

    counted = {
        tuple(sample.labels.values()): sample.value
        for metric in collect([endpoint.usage])
        for sample in metric.samples
        if sample.name == "gateway_api_over_budget_total"
    }
    api = "library:/graphql"
    assert counted == {
        (api, client, "Titles", budget): number
        for client in ("web", "unknown")
        for budget, number in (("calls", 0), ("ms", 1))
    }


async def test_a_budget_in_variables_is_none(library: Library) -> None:
    query = "query ($calls: Int! = 0) @budget(calls: $calls, ms: 0) { books { title } }"
    async with library() as http:
        answer = await http.post("/graphql", json={"query": query})

    assert len(answer.json()["data"]["books"]) == 3


async def test_graphiql_is_for_developers_alone(library: Library) -> None:
    async with library() as developers, library(accept_any=False) as public:
        found = [await developers.get(f"/graphiql/{name}") for name in ("index.html", "graphiql.min.js")]
        hidden = await public.get("/graphiql/index.html")
        refused = await developers.get("/graphiql/other.js")

    assert [each.status_code for each in found] == [200, 200]
    assert "//" not in re.sub(r"<!.*?>", "", found[0].text)
    assert (hidden.status_code, refused.status_code) == (404, 404)


async def test_an_operation_is_a_span_and_each_field_that_runs_one_within(
    app_client: AppClient, graph_of: GraphOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()
    async with servers() as serve:
        monkeypatch.setenv(telemetry.ENDPOINTS[0], await serve(collector))
        async with app_client(app_of(graph_of())) as http:
            await ask(http, "{ books(limit: 1) { summary } }")

    operation, books = collector.span("library", "POST /graphql"), collector.span("library", "source books")
    assert (books.trace, books.parent) == (operation.trace, operation.id)
    assert collector.span("library", "source summary").parent == operation.id
