"""A library's pages as tools of agents, by the messages themselves."""

import dataclasses
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from msgspec import Struct

from frontispiece.agents import Agents
from frontispiece.agents.shortening import shorten
from frontispiece.errors import ConfigError
from frontispiece.http import Problem
from frontispiece.pages import AuthenticatedBffSettings, Body, Header, Page, Tool, bff
from frontispiece.security import Identity
from frontispiece.settings import TokenSettings
from frontispiece.testing.clock import leaping_clock
from tests.conftest import AppClient, MakeToken
from tests.frontispiece.agents.conftest import Books, Caller, Json


class Loan(Struct, frozen=True, forbid_unknown_fields=True):
    """What is lent."""

    isbn: str
    days: int = 14


class Lent(Struct, frozen=True):
    """A loan, by the key of its request."""

    isbn: str
    key: str


def find_page(**tool: Any) -> Page:
    page = Page("/books", deadline=5.0, agent=Tool("find books", max_bytes=400, paged="titles", **tool))

    @page.source()
    async def titles(count: int = 3) -> list[str]:
        return [f"Book {number}" for number in range(count)]

    @page.view
    def books(titles: list[str]) -> Books:
        """Finds books."""
        return Books(titles)

    return page


def shelf_page() -> Page:
    page = Page(
        "/shelves/{number}", deadline=5.0, agent=Tool("show shelf", scopes=("books",), uri="shelf:{number}")
    )

    @page.view
    def shelf(number: str) -> Books:
        """Shows a shelf."""
        raise Problem(503, "shelf-closed", f"Shelf {number} is closed.")

    return page


def lend_pages() -> tuple[Page, Page]:
    preview = Page("/loans/preview", deadline=5.0, method="POST")
    lend = Page(
        "/loans", deadline=5.0, method="POST", agent=Tool("lend book", scopes=("loans",), confirm=preview)
    )

    @preview.view
    def previewed(loan: Body[Loan]) -> Loan:
        return loan

    @lend.source()
    async def lent(loan: Body[Loan], idempotency_key: Header[str], _caller: Identity) -> Lent:
        return Lent(loan.isbn, idempotency_key)

    @lend.view
    def shown(lent: Lent) -> Lent:
        """Lends a book."""
        return lent

    return preview, lend


@pytest.fixture
async def http(
    app_client: AppClient, signing_key: str, token_settings: TokenSettings
) -> AsyncIterator[httpx.AsyncClient]:
    """The library, reached without a socket."""
    pages = [find_page(), shelf_page(), *lend_pages()]
    app = bff("library", pages=pages, apis=[Agents("/mcp", title="Library")])(
        AuthenticatedBffSettings(signing_key=signing_key, tokens=token_settings)
    )
    async with app_client(app) as client:
        yield client


@pytest.fixture
def reader(http: httpx.AsyncClient, bearer: MakeToken) -> Caller:
    """Who may find books."""
    return Caller(http, bearer("reader", "books"))


@pytest.fixture
def member(http: httpx.AsyncClient, bearer: MakeToken) -> Caller:
    """Who may lend them, too."""
    return Caller(http, bearer("member", "loans"))


async def test_a_caller_sees_and_calls_only_what_its_scopes_allow(reader: Caller, member: Caller) -> None:
    for caller, names in (reader, ["find_books", "show_shelf"]), (member, ["find_books", "lend_book"]):
        listed = await caller.send("tools/list")
        assert [tool["name"] for tool in listed["result"]["tools"]] == names

    params = {"name": "lend_book", "arguments": {"isbn": "1"}}
    refused = await reader.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})

    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="loans"'


async def test_long_answers_are_shortened_and_say_how_to_go_on(reader: Caller) -> None:
    read: list[str] = []
    while len(read) < 300:
        answer = await reader.call("find_books", count=300, offset=len(read))
        titles = answer["structuredContent"]["titles"]
        whole, *notes = [content["text"] for content in answer["content"]]
        assert len(whole) <= 400
        left = 300 - len(read)
        read += titles
        assert notes == (
            [
                f"Left out: titles[]: {len(titles)} of {left} items shown.",
                f"For the rest of titles, call again with offset={len(read)}.",
            ]
            if len(titles) < left
            else []
        )

    assert read == [f"Book {number}" for number in range(300)]
    beyond = await reader.call("find_books", count=3, offset=3)
    assert beyond["content"][1]["text"] == "This answer has 3 items of titles, all of which offset=3 skips."
    assert (await reader.call("find_books", count=0))["content"][1:] == []


def test_an_answer_of_many_long_texts_has_few_notes() -> None:
    answer = {"texts": {str(number): "x" * 1000 for number in range(3000)}}

    notes = shorten(answer, 400)  # with one text a round, this would take a minute

    assert {len(text) for text in answer["texts"].values()} <= set(range(100, 202))
    assert len(notes) == 11
    assert notes[-1] == "2990 more like these"


async def test_a_confirmation_is_for_one_caller_one_call_and_ten_minutes(
    http: httpx.AsyncClient, bearer: MakeToken, member: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (await member.call("lend_book", isbn="1"))["structuredContent"]
    confirmation = asked["confirmation"]
    stranger = Caller(http, bearer("stranger", "loans"))

    assert asked["summary"] == {"isbn": "1", "days": 14}
    for caller, isbn in (stranger, "1"), (member, "2"):
        refused = await caller.call("lend_book", isbn=isbn, confirmation=confirmation)
        assert "confirmation-invalid" in refused["content"][0]["text"]
    lent = [await member.call("lend_book", isbn="1", confirmation=confirmation) for _ in range(2)]
    assert lent[0]["structuredContent"]["result"] == lent[1]["structuredContent"]["result"]
    with leaping_clock(monkeypatch) as clock:
        clock.advance(601)
        member = Caller(http, bearer("member", "loans"))
        late = await member.call("lend_book", isbn="1", confirmation=confirmation)
    assert "confirmation-expired" in late["content"][0]["text"]


async def test_each_call_is_in_the_audit_log_without_its_arguments(
    member: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "frontispiece.agents.audit"):
        await member.call("lend_book", isbn="secret")
        await member.call("find_books", count="many")

    said = [record.getMessage() for record in caplog.records if record.name == "frontispiece.agents.audit"]
    assert said[0].startswith("member called lend_book by web, arguments ")
    assert said[0].endswith(": confirmation-issued")
    assert said[1].endswith(": invalid-arguments")
    assert "secret" not in "".join(said)


MODERN: Json = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}

NO_OBJECTS: tuple[Any, ...] = (0, [], "")

FAULTS: list[tuple[Any, dict[str, str], int, int]] = [
    ([], {}, 400, -32600),
    ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, {}, 400, -32600),
    ({"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"mcp_protocol_version": "2020-01-01"}, 400, -32022),
    (
        {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": MODERN},
        {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/list"},
        400,
        -32020,
    ),
    (
        {"jsonrpc": "2.0", "id": 1, "method": "nothing", "params": MODERN},
        {"mcp_protocol_version": "2026-07-28", "mcp_method": "nothing"},
        404,
        -32601,
    ),
    ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "nothing"}}, {}, 200, -32602),
    *(
        (
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "tools/call",
                "params": {"name": "find_books", "arguments": wrong},
            },
            {},
            200,
            -32602,
        )
        for wrong in NO_OBJECTS
    ),
    ({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "x:y"}}, {}, 200, -32002),
]


@pytest.mark.parametrize(("body", "headers", "status", "code"), FAULTS)
async def test_a_message_that_cannot_be_carried_out_has_its_error(
    body: Any, headers: dict[str, str], status: int, code: int, reader: Caller
) -> None:
    answer = await reader.post(body, **headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_the_error_of_another_revision_is_of_the_request(reader: Caller) -> None:
    message = {"jsonrpc": "2.0", "id": "mine", "method": "ping"}

    unknown = await reader.post(message, mcp_protocol_version="2020-01-01")
    without = await reader.post(message, mcp_protocol_version="2026-07-28")

    assert (unknown.status_code, unknown.json()["id"]) == (400, "mine")
    assert (without.status_code, without.json()["id"]) == (400, "mine")


async def test_a_body_that_is_not_utf_8_is_no_message(reader: Caller) -> None:
    answer = await reader.post_bytes(b'{"jsonrpc": "2.0", "id": 1, "method": "\xff"}')

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32700)


async def test_a_resource_that_cannot_be_read_now_is_not_called_unknown(reader: Caller) -> None:
    answer = await reader.send("resources/read", uri="shelf:1")

    assert answer["error"]["code"] == -32603


async def test_notifications_are_accepted(reader: Caller) -> None:
    answer = await reader.post({"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert (answer.status_code, answer.content) == (202, b"")


def test_tools_that_cannot_work_are_refused_together(signing_key: str, token_settings: TokenSettings) -> None:
    _, lend = lend_pages()
    assert lend.agent is not None
    lend.agent = dataclasses.replace(lend.agent, uri="loan:{isbn}")
    pages = [find_page(), find_page(uri="books:{count}"), lend]
    pages[1].path = "/others"
    library = bff("library", pages=pages, apis=[Agents("/mcp", title="Library")])

    with pytest.raises(ConfigError) as refused:
        library(AuthenticatedBffSettings(signing_key=signing_key, tokens=token_settings))

    assert refused.value.errors == [
        "two tools are called find_books",
        "the tool lend_book has a URI, but /loans is not only read",
        "the tool lend_book confirms by /loans/preview, which is no page of this BFF",
    ]
