"""The clients' own API modules against their contracts: what they send, and what they read of the answers."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from frontispiece.contracts import Contracts, WorkingTree
from tests.contracts.mobile.calls import CLIENT as MOBILE
from tests.contracts.mobile.examples import CONTRACT as MOBILE_CONTRACT
from tests.contracts.web import examples as web
from tests.support.consumer import Outcome, named, whole
from tests.support.contracts import CONTRACTS, is_kept

PAIRS = {"web": (web.CONTRACT, web.CLIENT), "mobile": (MOBILE_CONTRACT, MOBILE)}

every_client = pytest.mark.parametrize("name", PAIRS)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Sequence[Outcome]]:
    """What came of each example, by the client's name; every client runs once."""
    return {}


def outcomes_of(name: str, outcomes: dict[str, Sequence[Outcome]]) -> Sequence[Outcome]:
    contract, client = PAIRS[name]
    if name not in outcomes:
        outcomes[name] = client.outcomes(contract)
    return outcomes[name]


def contents(name: str) -> dict[str, Any]:
    """What a client's contract names of each answer."""
    contract, _ = PAIRS[name]
    pact = Contracts.load(WorkingTree(CONTRACTS)).find(contract.client, contract.version)
    assert pact
    return {each.description: each.content for each in pact.interactions}


@every_client
def test_the_file_is_what_the_client_relies_on(name: str, tmp_path: Path) -> None:
    contract, _ = PAIRS[name]

    assert is_kept(contract, tmp_path), f"{contract.file} is not what the tests say: run `make contracts`"


@every_client
def test_the_contract_is_that_of_the_client_s_version(name: str) -> None:
    contract, client = PAIRS[name]
    version = client.file.with_name("version.js").read_text(encoding="utf-8")

    assert f'VERSION = "{contract.version}"' in version


@every_client
def test_a_client_sends_what_its_contract_says(name: str, outcomes: dict[str, Sequence[Outcome]]) -> None:
    mismatches = {
        outcome.example.name: outcome.mismatches
        for outcome in outcomes_of(name, outcomes)
        if outcome.mismatches
    }

    assert mismatches == {}


@every_client
def test_each_screen_of_a_client_is_one_request(name: str, outcomes: dict[str, Sequence[Outcome]]) -> None:
    assert {outcome.requests for outcome in outcomes_of(name, outcomes)} == {1}


@every_client
def test_a_contract_names_what_its_client_reads_and_nothing_else(
    name: str, outcomes: dict[str, Sequence[Outcome]]
) -> None:
    content = contents(name)
    read: dict[str, set[str]] = defaultdict(set)
    in_contract: dict[str, set[str]] = defaultdict(set)
    for outcome in outcomes_of(name, outcomes):
        # an operation's document names what is read: test_graphql.py
        if outcome.example.status < 400 and not outcome.example.is_operation:
            method = outcome.example.call[0]
            read[method] |= outcome.reads
            in_contract[method] |= set(named(content[outcome.example.name]))

    unnamed = {method: fields - in_contract[method] for method, fields in read.items()}
    unread = {method: fields - read[method] for method, fields in in_contract.items()}
    assert not any(unnamed.values()), unnamed
    assert not any(unread.values()), unread


@every_client
def test_what_a_client_hands_on_has_no_fields_of_its_own(
    name: str, outcomes: dict[str, Sequence[Outcome]]
) -> None:
    content = contents(name)
    for outcome in outcomes_of(name, outcomes):
        parts = set(whole(content[outcome.example.name]))
        assert outcome.example.is_operation or outcome.handed_on <= parts, outcome.example
