"""Which fields of a provider's responses are read by which versions."""

import json

import pytest

from frontispiece.contracts import PactFile, topmost_unread, usage
from frontispiece.errors import ConfigError
from tests.support.small_contracts import contract, create_app, pact

OPENAPI = create_app().openapi()


def readers(*pacts: object) -> dict[str, list[str]]:
    return {use.path: use.versions for use in usage(OPENAPI, pacts)}  # type: ignore[arg-type]


def test_each_field_has_the_versions_that_read_it() -> None:
    found = readers(
        pact("1.0.0", text="Buy ink"),
        pact("1.1.0", text="Buy ink", author={"name": "Ann"}, tags=[{"id": "a"}]),
    )

    assert found == {
        "name": [],
        "text": ["reader 1.0.0", "reader 1.1.0"],
        "author": ["reader 1.1.0"],
        "author.name": ["reader 1.1.0"],
        "author.born": [],
        "counts": [],
        "counts.*": [],
        "tags": ["reader 1.1.0"],
        "tags[].id": ["reader 1.1.0"],
        "tags[].parent": [],
    }


def test_an_object_that_is_read_whole_is_read_with_all_its_fields() -> None:
    found = readers(pact(author={}, counts={"en": 2}))

    assert found["author.born"] == ["reader 1.0.0"]
    assert found["counts.*"] == ["reader 1.0.0"]


def test_an_unread_object_stands_for_its_fields() -> None:
    unread = topmost_unread(usage(OPENAPI, [pact(text="Buy ink", author={"name": "Ann"})]))

    assert [f"{use.operation} {use.path}" for use in unread] == [
        "GET /notes/{name} name",
        "GET /notes/{name} author.born",
        "GET /notes/{name} counts",
        "GET /notes/{name} tags",
    ]


def test_a_persisted_operation_reads_no_field_of_openapi() -> None:
    document = json.loads(contract(text="Buy ink"))
    document["interactions"][0]["request"] |= {"path": "/graphql", "query": {"documentId": ["sha256:ab"]}}
    persisted = PactFile.parse("reader/1.0.0.json", json.dumps(document).encode(), "here")

    assert not any(readers(persisted).values())


def test_a_contract_that_calls_what_is_not_offered_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"reader 1.0.0, the note's page: GET /notes/ink is no operation"):
        usage({"paths": {}}, [pact(text="Buy ink")])
