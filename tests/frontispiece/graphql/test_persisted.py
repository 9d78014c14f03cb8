"""Documents that are known before they are sent, and what a client may send beside them."""

from pathlib import Path

from frontispiece.graphql.persisted import id_of
from tests.frontispiece.graphql.conftest import TITLES, GraphOf, Library, ask, persist


async def test_the_public_may_only_send_persisted_documents(
    library: Library, graph_of: GraphOf, folder: Path
) -> None:
    persist(folder, TITLES)
    async with library(graph_of(folder=folder), accept_any=False) as http:
        known = await http.post("/graphql", json={"documentId": id_of(TITLES)})
        apollo = {"persistedQuery": {"version": 1, "sha256Hash": id_of(TITLES).removeprefix("sha256:")}}
        same = await http.post("/graphql", json={"extensions": apollo})
        others = [
            await http.post("/graphql", json=each)
            for each in (
                {"documentId": "sha256:0"},
                {"query": "{ books { title } }"},
                {"query": "{ __schema { types { name } } }"},
                {"query": TITLES + " ", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0"}}},
            )
        ]

    assert known.json() == same.json() == {"data": {"books": [{"title": f"Book {n}"} for n in (1, 2, 3)]}}
    codes = [each.json()["errors"][0]["extensions"]["code"] for each in others]
    assert codes == [*["document-unknown"] * 3, "PERSISTED_QUERY_NOT_SUPPORTED"]


async def test_automatic_persisted_queries_are_for_those_who_switch_them_on(
    library: Library, graph_of: GraphOf
) -> None:
    query = "{ books(limit: 1) { title } }"
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": id_of(query).removeprefix("sha256:")}}
    async with library(graph_of(automatic=True)) as http:
        unknown = await ask(http, None, extensions=extensions)
        registered = await ask(http, query, extensions=extensions)
        known = await ask(http, None, extensions=extensions)

    assert unknown["errors"][0]["message"] == "PersistedQueryNotFound"
    assert registered["data"] == known["data"] == {"books": [{"title": "Book 1"}]}


async def test_a_query_by_get_has_an_entity_tag_and_may_be_cached_as_its_fields_may(
    library: Library, graph_of: GraphOf, folder: Path
) -> None:
    persist(folder, TITLES)
    async with library(graph_of(folder=folder), accept_any=False) as http:
        first = await http.get("/graphql", params={"documentId": id_of(TITLES)})
        again = await http.get(
            "/graphql",
            params={"documentId": id_of(TITLES)},
            headers={"If-None-Match": first.headers["etag"]},
        )

    assert first.headers["cache-control"] == "public, max-age=60"
    assert (again.status_code, again.content) == (304, b"")
