"""Each BFF against the contract of every version in the field, and against BFFs that have lost a field."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from frontispiece.contracts import Contracts, PactFile, Staging, WorkingTree, disagreements, verify
from frontispiece.http import Version
from frontispiece.http.asgi import App, Message, Receive, Scope, Send
from shop.client_versions import supported_versions
from tests.contracts.stage import BFFS, BffStage, staged
from tests.support.contracts import CONTRACTS

TREE = WorkingTree(CONTRACTS)
ALL = Contracts.load(TREE)
TODAY = datetime.now(UTC).date()

FIELDED = ALL.in_field(TODAY)


@pytest.mark.parametrize("pact", FIELDED, ids=str)
async def test_a_bff_keeps_the_contract_of_every_version_in_the_field(pact: PactFile) -> None:
    assert await verify(pact, staged) == []


@pytest.mark.parametrize("pact", {pact.client: pact for pact in FIELDED}.values(), ids=str)
async def test_no_field_that_a_client_reads_can_vanish_without_being_named(pact: PactFile) -> None:
    depth = 0
    while expected := read_at(depth, pact):
        named = {(breach.screen, breach.field) for breach in await verify(pact, lacking(depth))}

        assert expected <= named
        depth += 1

    assert depth


def test_the_files_are_those_of_the_list_of_released_versions() -> None:
    assert disagreements(TREE, ALL, TODAY) == []


def test_every_bff_has_a_contract_with_its_own_client() -> None:
    assert {pact.provider for pact in FIELDED} == BFFS.keys()
    assert all(pact.provider == f"bff-{pact.client}" for pact in FIELDED)


@pytest.mark.parametrize("client", ["web", "mobile"])
def test_no_version_in_the_field_is_refused_as_too_old(client: str) -> None:
    supported = supported_versions()[client]
    fielded = [Version.parse(each.version) for each in ALL.released.in_field(TODAY) if each.client == client]

    assert min(fielded) >= supported.minimum
    assert supported.latest in fielded


def lacking(depth: int) -> Staging:
    """The stage with BFFs whose answers lack all members at a depth."""

    @asynccontextmanager
    async def staging(provider: str) -> AsyncIterator[BffStage]:
        async with staged(provider) as stage:
            stage.app = Lacking(stage.app, depth)
            yield stage

    return staging


class Lacking:
    """An app without some members in its JSON answers; they have one body message each, as BFFs send them."""

    def __init__(self, app: App, depth: int) -> None:
        self._app = app
        self._depth = depth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head: Message = {}

        async def lacking(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
                if is_json(message):
                    return
            if not is_json(head):
                await send(message)
                return
            body = json.dumps(pruned(json.loads(message["body"]), self._depth)).encode()
            length = (b"content-length", str(len(body)).encode())
            headers = [*(each for each in head["headers"] if each[0] != b"content-length"), length]
            await send({**head, "headers": headers})
            await send({**message, "body": body})

        await self._app(scope, receive, lacking if scope["type"] == "http" else send)


def is_json(head: Message) -> bool:
    """Whether a response is JSON, and no stream of events."""
    return b"json" in dict(head["headers"])[b"content-type"]


def pruned(value: Any, depth: int) -> Any:
    """A JSON value without its members at a depth."""
    if isinstance(value, list):
        return [pruned(item, depth) for item in value]
    if isinstance(value, dict):
        return {name: pruned(inner, depth - 1) for name, inner in value.items()} if depth else {}
    return value


def read_at(depth: int, pact: PactFile) -> set[tuple[str, str]]:
    """Every field at a depth that some screen reads, with the screen."""
    return {
        (each.description, path)
        for each in pact.interactions
        for path, at in members(each.content, "", 0)
        if at == depth
    }


def members(value: Any, path: str, depth: int) -> Iterator[tuple[str, int]]:
    """All members with their depths; what is no name is a key of a mapping, free to come and go."""
    if isinstance(value, list):
        for item in value:
            yield from members(item, f"{path}[]", depth)
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.isidentifier():
                member = f"{path}.{name}".removeprefix(".")
                yield member, depth
                yield from members(inner, member, depth + 1)
