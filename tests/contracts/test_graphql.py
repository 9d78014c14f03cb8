"""The GraphQL API of the web BFF: its schema, and the operations that the web client sends."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from graphql import build_schema, print_schema

from bff.clients import CLIENTS
from bff.web.graphql import graph
from frontispiece.contracts import Contracts, WorkingTree
from frontispiece.contracts.graphql import GraphContract, contract_of, files
from frontispiece.errors import ConfigError
from frontispiece.graphql.build import build
from frontispiece.graphql.endpoint import GraphEndpoint
from frontispiece.graphql.persisted import as_json
from frontispiece.pages import ApiParts
from frontispiece.security import Identity
from tests.support.contracts import CONTRACTS, is_written

TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def endpoint() -> GraphEndpoint:
    """The API, which is not served."""
    providers = dict.fromkeys([*CLIENTS, Identity], lambda request: request)
    parts = ApiParts(
        app="bff-web",
        providers=providers,
        identify=lambda request: request,
        shared=None,
        accept_any_document=False,
    )
    return GraphEndpoint(graph, parts)


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    """All contracts of the shop."""
    return Contracts.load(WorkingTree(CONTRACTS))


@pytest.fixture
def contract(endpoint: GraphEndpoint) -> GraphContract:
    """The API and its persisted operations, which web 1.0.0 sends, too."""
    found = contract_of("bff-web", endpoint)
    both = {key: replace(each, clients=("web/1.0.0", "web/1.1.0")) for key, each in found.operations.items()}
    return replace(found, operations=both)


def test_the_files_are_what_the_app_and_its_client_say(endpoint: GraphEndpoint, contracts: Contracts) -> None:
    for file, text in files(endpoint, contracts.released, TODAY).items():
        assert is_written(file, text), f"{file.name} is not up to date: run `make contracts`"


def test_every_version_in_the_field_has_what_it_reads(endpoint: GraphEndpoint, contracts: Contracts) -> None:
    assert not list(contract_of("bff-web", endpoint).conflicts(contracts.released, TODAY))


def without(contract: GraphContract, line: str) -> GraphContract:
    """The same API without a line of its schema, wherever it is."""
    text = print_schema(contract.schema)
    assert line in text
    return replace(contract, schema=build_schema(text.replace(line, "")))


def test_a_field_that_a_client_reads_may_not_go_and_an_unread_one_may(
    contract: GraphContract, contracts: Contracts
) -> None:
    schema = print_schema(contract.schema).encode()
    changed = without(contract, "  stage: String\n")

    changes = list(changed.changes(schema, as_json(contract.operations).encode(), contracts.released, TODAY))

    read = "Read by web 1.0.0 (OrderProgress), web 1.1.0 (OrderProgress)."
    assert {change.text: change.is_breach for change in changes} == {
        f"bff-web: Field Order.stage was removed. {read}": True,
        "bff-web: Field OrderSummary.stage was removed. No version in the field reads it.": False,
    }
    assert list(changed.conflicts(contracts.released, TODAY)) == [
        f"{version} reads it, OrderProgress: Cannot query field 'stage' on type 'Order'. "
        "Did you mean 'status'?"
        for version in ("web 1.0.0", "web 1.1.0")
    ]


def test_an_operation_of_a_released_version_stays_persisted(
    contract: GraphContract, contracts: Contracts
) -> None:
    schema = print_schema(contract.schema).encode()
    before = as_json(contract.operations).encode()
    now = replace(contract, operations={})

    changes = list(now.changes(schema, before, contracts.released, TODAY))

    assert all(change.is_breach for change in changes)
    assert "bff-web: OrderProgress of web/1.0.0 is not persisted any more" in [each.text for each in changes]


OVER = "query Over @budget(calls: 1, ms: 10) { search { items { available rating { average } } } }"


def test_an_operation_over_its_budget_is_not_persisted(contract: GraphContract, tmp_path: Path) -> None:
    (tmp_path / "over.graphql").write_text(OVER + " query Free { departments { name } }")

    with pytest.raises(ConfigError) as refused:
        build(contract.schema, graph.limits, tmp_path.glob("*.graphql"), "web/1.1.0")

    assert refused.value.errors == [
        "web/1.1.0: Over: it makes 3 calls to upstreams, and its budget is 1",
        "web/1.1.0: Over: it has 2 levels of calls, 40 ms at 20 ms each, and its budget is 10 ms",
        "web/1.1.0: Free: it has no @budget(calls:, ms:)",
    ]
