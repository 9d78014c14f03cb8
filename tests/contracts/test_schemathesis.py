"""Every app, put under requests that its OpenAPI document describes and many that break its rules."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from frontispiece.settings import TokenSettings
from tests.contracts.worlds import WORLDS
from tests.support.apps import APPS, Parts
from tests.support.contracts import CONTRACTS, Json
from tests.support.fuzz_cases import cases
from tests.support.fuzzing import Fuzzer, fuzzer

EXAMPLES = int(os.environ.get("FUZZ_API_EXAMPLES", "4"))
"""Requests for each operation; `make fuzz-api EXAMPLES=…`."""

DOCUMENTS: dict[str, Json] = {
    app: json.loads((CONTRACTS / "openapi" / f"{app}.json").read_text("utf-8")) for app in APPS
}

OPERATIONS = [
    pytest.param(app, method, path, id=f"{app} {method.upper()} {path}")
    for app, document in DOCUMENTS.items()
    for path, operations in document["paths"].items()
    for method in operations
]


@pytest.fixture(scope="module")
def fuzzing(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    token_settings: TokenSettings,
    signing_key: str,
) -> Iterator[Fuzzer]:
    """The fuzzer of an app."""
    app: str = request.param
    parts = Parts(folder=tmp_path_factory.mktemp(app), tokens=token_settings, signing_key=signing_key)
    if app == "basket":
        parts = replace(parts, valkey_url=request.getfixturevalue("valkey_server"))
    with fuzzer(WORLDS[app](parts)) as made:
        yield made


@pytest.mark.parametrize(("fuzzing", "method", "path"), OPERATIONS, indirect=["fuzzing"], scope="module")
def test_an_operation_responds_as_its_document_says_and_never_fails(
    fuzzing: Fuzzer, method: str, path: str, request: pytest.FixtureRequest
) -> None:
    document = DOCUMENTS[request.node.callspec.params["fuzzing"]]

    random = Random(f"{method} {path}")  # noqa: S311 (nothing secret)
    for case in cases(document, method, path, EXAMPLES):
        fuzzing.check(case, random)


def test_every_app_has_a_world() -> None:
    assert WORLDS.keys() == APPS.keys()
