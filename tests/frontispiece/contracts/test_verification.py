"""A provider against the contract of one version."""

import json

import pytest

from frontispiece.contracts import PactFile, verify
from frontispiece.errors import ConfigError
from tests.support.small_contracts import contract, create_app, pact, staging


def without(*fields: str) -> object:
    return staging(lambda: create_app(*fields))


async def test_a_provider_that_sends_all_that_is_read_keeps_the_contract() -> None:
    read = pact(text="Buy ink", author={"name": "Ann"})

    assert await verify(read, staging()) == []


async def test_a_field_that_is_missing_is_named_with_client_version_and_screen() -> None:
    breaches = await verify(
        pact(text="Buy ink", author={"name": "Ann"}), staging(lambda: create_app("author"))
    )

    assert [str(breach) for breach in breaches] == ["reader 1.0.0, the note's page, author: it is missing"]
    assert [breach.provider for breach in breaches] == ["notes"]


async def test_a_field_within_others_is_named_by_its_path() -> None:
    breaches = await verify(pact(tags=[{"id": "a", "rank": 1}], author={"died": 1}), staging())

    assert {breach.field for breach in breaches} == {"tags[].rank", "author.died"}


async def test_a_value_of_another_type_is_named_by_its_path() -> None:
    (breach,) = await verify(pact(author={"born": "in spring"}), staging())

    assert breach.field == "author.born"
    assert "1999" in breach.reason


async def test_another_status_and_another_header_are_named() -> None:
    document = json.loads(contract(text="Buy ink", status=201))
    document["interactions"][0]["response"]["headers"] = {"Position": ["1"]}
    expected = PactFile.parse("reader/1.0.0.json", json.dumps(document).encode(), "here")

    reasons = {breach.field: breach.reason for breach in await verify(expected, staging())}

    assert "201" in reasons[""]
    assert "Position" in reasons["header Position"]


async def test_a_provider_that_the_stage_has_not_is_refused() -> None:
    read = pact(text="Buy ink")
    stages = {"pages": staging()("pages")}

    with pytest.raises(ConfigError, match="the stage has no notes: KeyError"):
        await verify(read, lambda provider: stages[provider])


async def test_a_state_that_the_stage_does_not_know_breaks_its_screen() -> None:
    (breach,) = await verify(pact(text="Buy ink", state="there is no ink"), staging())

    assert breach.screen == "the note's page"
    assert "the state 'there is no ink' is unknown" in breach.reason
