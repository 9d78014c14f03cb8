import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from frontispiece.settings import TokenSettings
from tests.contracts.stage import BFFS, OnStage, staged
from tests.support.contracts import CONTRACTS, Json, broken

FILES = sorted(CONTRACTS.glob("*/*"))

PutOn = Callable[[str], AbstractAsyncContextManager[OnStage]]

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CONTRACTS)))


@pytest.fixture
def put_on(token_settings: TokenSettings, signing_key: str) -> PutOn:
    """`async with put_on("bff-web") as (stage, url)`."""
    return lambda provider: staged(provider, signing_key, token_settings)


@every_file
async def test_a_bff_keeps_every_contract_with_it(file: Path, put_on: PutOn) -> None:
    provider = read(file)["provider"]["name"]

    async with put_on(provider) as (_, url):
        errors = await broken(file, provider, url)

    assert errors == ""


@every_file
async def test_no_field_that_a_client_reads_can_vanish_without_being_named(file: Path, put_on: PutOn) -> None:
    contract = read(file)
    provider = contract["provider"]["name"]
    unnoticed = []

    async with put_on(provider) as (stage, url):
        for field, example in fields(contract).items():
            stage.lacks = field
            errors = await broken(file, provider, url, only=example)
            if not re.search(rf"missing the following keys: .*\b{field}\b", errors):
                unnoticed.append(field)

    assert unnoticed == []


@every_file
def test_every_file_is_the_contract_of_one_version_of_a_client_with_its_bff(file: Path) -> None:
    contract = read(file)

    assert re.fullmatch(r"[a-z]+/\d+\.\d+\.\d+\.json", str(file.relative_to(CONTRACTS)))
    assert contract["consumer"]["name"] == file.parent.name
    assert contract["provider"]["name"] == f"bff-{file.parent.name}"
    assert contract["interactions"]


def test_every_bff_has_a_contract() -> None:
    assert {read(file)["provider"]["name"] for file in FILES} == BFFS.keys()


def read(file: Path) -> Json:
    contract: Json = json.loads(file.read_text(encoding="utf-8"))
    return contract


def fields(contract: Json) -> dict[str, str]:
    """Every field that is read of some answer, with the name of the first example of it."""
    found: dict[str, str] = {}
    for interaction in contract["interactions"]:
        for field in members(interaction["response"]["body"]["content"]):
            found.setdefault(field, interaction["description"])
    return found


def members(value: Any) -> Iterator[str]:
    """The names of all members, at any depth; what is no name is a key of a mapping, free to come and go."""
    if isinstance(value, dict):
        yield from filter(str.isidentifier, value)
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from members(inner)
