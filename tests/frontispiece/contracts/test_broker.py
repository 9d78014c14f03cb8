"""Publishing to a Pact broker, here a server that remembers what it was sent."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from frontispiece.contracts import Breach, PactFile, Verified
from frontispiece.contracts.broker import RESULTS, publish
from frontispiece.errors import ConfigError
from tests.support.serving import nobody_there, servers
from tests.support.small_contracts import pact
from tests.support.stub import Exchange, Stub, answering

PACT = "/pacts/provider/notes/consumer/reader/version/1.0.0"
RESULTS_PATH = "/pacts/provider/notes/consumer/reader/pact-version/a1b2/verification-results"
JSON = (b"content-type", b"application/json")


@pytest.fixture
def broker() -> Stub:
    async def respond(exchange: Exchange) -> None:
        links = {"_links": {RESULTS: {"href": RESULTS_PATH}}}
        await answering(201, json.dumps(links).encode(), JSON)(exchange)

    return Stub(respond)


@pytest.fixture
async def url(broker: Stub) -> AsyncIterator[str]:
    async with servers() as serve:
        yield await serve(broker)


async def published(url: str, *rows: Verified, token: str | None = None) -> list[str]:
    return await asyncio.to_thread(publish, url, token, rows, "0af3")


def broken(read: PactFile) -> Breach:
    return Breach(
        client=read.client,
        version=read.version,
        provider=read.provider,
        screen="the note's page",
        field="text",
        reason="it is missing",
    )


async def test_a_contract_and_its_result_are_published(broker: Stub, url: str) -> None:
    read = pact(text="Buy ink")

    lines = await published(url, Verified(pact=read, breaches=[]), token="secret")

    assert lines == ["reader 1.0.0 with notes: verified"]
    put, post = broker.requests
    assert (put.method, put.path.decode()) == ("PUT", PACT)
    assert put.body == read.source
    assert (post.method, post.path.decode()) == ("POST", RESULTS_PATH)
    assert json.loads(post.body) == {
        "success": True,
        "providerApplicationVersion": "0af3",
        "testResults": [],
    }
    assert [request.all(b"authorization") for request in (put, post)] == [[b"Bearer secret"]] * 2


async def test_what_a_provider_breaks_is_published_as_a_failure(broker: Stub, url: str) -> None:
    read = pact(text="Buy ink")

    lines = await published(url, Verified(pact=read, breaches=[broken(read)]))

    assert lines == ["reader 1.0.0 with notes: failed"]
    assert json.loads(broker.last.body) == {
        "success": False,
        "providerApplicationVersion": "0af3",
        "testResults": [
            {
                "description": "the note's page",
                "reason": "reader 1.0.0, the note's page, text: it is missing",
            }
        ],
    }
    assert broker.last.all(b"authorization") == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (answering(500, b"{}", JSON), "500 Internal Server Error"),
        (answering(201, b"<p>Hello!", JSON), "Expecting value"),
        (answering(201, b"{}", JSON), f"its answer has no link {RESULTS}"),
        (
            answering(
                201, json.dumps({"_links": {RESULTS: {"href": "http://elsewhere.test/"}}}).encode(), JSON
            ),
            f"its link {RESULTS} leads elsewhere: http://elsewhere.test/",
        ),
    ],
)
async def test_a_broker_that_does_not_take_it_is_an_error(
    broker: Stub, url: str, answer: object, error: str
) -> None:
    broker.answer = answer  # type: ignore[assignment]

    with pytest.raises(ConfigError) as refused:
        await published(url, Verified(pact=pact(text="Buy ink"), breaches=[]), token="secret")

    assert str(refused.value).startswith(f"the Pact broker at {url}: ")
    assert error in str(refused.value)


async def test_a_broker_that_cannot_be_reached_is_an_error() -> None:
    with pytest.raises(ConfigError, match="the Pact broker at"):
        await published(nobody_there(), Verified(pact=pact(text="Buy ink"), breaches=[]))
