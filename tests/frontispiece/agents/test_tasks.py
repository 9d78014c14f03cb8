"""Work that goes on by itself as tasks, by the messages themselves: a library copies books."""

from collections.abc import AsyncIterator
from typing import Any, Literal, NamedTuple

import httpx
import pytest
from msgspec import Struct

from frontispiece.agents import Agents
from frontispiece.errors import ConfigError
from frontispiece.pages import (
    AuthenticatedBffSettings,
    Body,
    Page,
    PageApp,
    Query,
    Task,
    TaskState,
    Tool,
    bff,
)
from frontispiece.security import Identity
from frontispiece.settings import TokenSettings
from frontispiece.upstream import UpstreamClientError
from tests.conftest import AppClient, MakeToken
from tests.frontispiece.agents.conftest import Books, Json

Status = Literal["working", "completed", "cancelled", "failed"]

BEGAN = "2026-11-30T10:00:00Z"

CAPABILITIES: Json = {"extensions": {"io.modelcontextprotocol/tasks": {}}}


class Order(Struct, frozen=True):
    """A book to be copied."""

    isbn: str


class Copy(Struct, frozen=True):
    """A copy that is made."""

    copy_id: str
    status: Status


class Copies:
    """The copies of all members, by member and id."""

    def __init__(self) -> None:
        self.status: dict[tuple[str, str], Status] = {}

    def of(self, caller: Identity, copy_id: str) -> Copy:
        """One, which has to be the caller's."""
        status = self.status.get((caller.subject, copy_id))
        if status is None:
            raise UpstreamClientError(404, kind="copy-unknown")
        return Copy(copy_id, status)


class CopyPages(NamedTuple):
    order: Page
    show: Page
    cancel: Page


def state(copy: Copy) -> TaskState:
    return TaskState(id=copy.copy_id, status=copy.status, began=BEGAN, changed=BEGAN)


def copy_pages(copies: Copies) -> CopyPages:
    show = Page("/copies/{copy_id}", deadline=5.0, agent=Tool("show copy"))
    cancel = Page("/copies/{copy_id}/cancel", deadline=5.0, method="POST", agent=Tool("cancel copy"))
    task = Task(follow=show, cancel=cancel, state=state)
    order = Page("/copies", deadline=5.0, method="POST", agent=Tool("copy book", task=task))

    @order.source(name="copy")
    async def ordered(wanted: Body[Order], caller: Identity) -> Copy:
        copies.status[caller.subject, wanted.isbn] = "working"
        return copies.of(caller, wanted.isbn)

    @show.source(name="copy")
    async def shown(copy_id: str, caller: Identity) -> Copy:
        return copies.of(caller, copy_id)

    @cancel.source(name="copy")
    async def cancelled(copy_id: str, caller: Identity) -> Copy:
        if copies.of(caller, copy_id).status != "working":
            raise UpstreamClientError(409, kind="copy-made")
        copies.status[caller.subject, copy_id] = "cancelled"
        return copies.of(caller, copy_id)

    def view(copy: Copy) -> Copy:
        """A copy."""
        return copy

    pages = CopyPages(order, show, cancel)
    for page in pages:
        page.view(view)
    return pages


class Member:
    """Who has copies made, by an app that has tasks or has none."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._http = http
        self._headers = headers

    async def send(self, method: str, *, capabilities: Json = CAPABILITIES, **params: Any) -> Json:
        """The whole response to a message of revision 2026-07-28."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
        named = {"mcp-name": params.get("taskId") or params.get("name") or ""}
        headers = {**self._headers, "mcp-protocol-version": "2026-07-28", "mcp-method": method, **named}
        found: Json = (await self._http.post("/mcp", json=message, headers=headers)).json()
        return found

    async def order(self, **more: Any) -> Json:
        """The result of ordering a copy of the book 7."""
        result: Json = (await self.send("tools/call", name="copy_book", arguments={"isbn": "7"}, **more))[
            "result"
        ]
        return result

    async def task(self) -> Json:
        """What has become of it."""
        result: Json = (await self.send("tasks/get", taskId="copy_book:7"))["result"]
        return result


@pytest.fixture
def copies() -> Copies:
    return Copies()


def library(*pages: Page, signing_key: str, tokens: TokenSettings) -> PageApp:
    settings = AuthenticatedBffSettings(signing_key=signing_key, tokens=tokens)
    return bff("library", pages=list(pages), apis=[Agents("/mcp", title="Library")])(settings)


@pytest.fixture
async def http(
    app_client: AppClient, copies: Copies, signing_key: str, token_settings: TokenSettings
) -> AsyncIterator[httpx.AsyncClient]:
    """The library, reached without a socket."""
    app = library(*copy_pages(copies), signing_key=signing_key, tokens=token_settings)
    async with app_client(app) as client:
        yield client


@pytest.fixture
def member(http: httpx.AsyncClient, bearer: MakeToken) -> Member:
    return Member(http, bearer("member"))


async def test_a_task_goes_on_until_its_work_ends(member: Member, copies: Copies) -> None:
    about = (await member.send("server/discover"))["result"]
    assert about["capabilities"]["extensions"] == {"io.modelcontextprotocol/tasks": {}}

    created = await member.order()
    assert (created["resultType"], created["taskId"], created["status"]) == ("task", "copy_book:7", "working")
    working = await member.task()
    assert (working["resultType"], working["status"], "result" in working) == ("complete", "working", False)

    copies.status["member", "7"] = "completed"
    result = (await member.task())["result"]
    assert result["structuredContent"] == {"copy_id": "7", "status": "completed"}
    assert "isError" not in result

    copies.status["member", "7"] = "failed"
    failed = await member.task()
    assert (failed["status"], failed["result"]["isError"]) == ("completed", True)


async def test_a_task_is_cancelled_while_its_work_can_be(member: Member, copies: Copies) -> None:
    await member.order()
    updated = await member.send("tasks/update", taskId="copy_book:7", inputResponses={})
    assert updated["result"]["resultType"] == "complete"

    assert (await member.send("tasks/cancel", taskId="copy_book:7"))["result"]["resultType"] == "complete"
    assert (await member.task())["status"] == "cancelled"

    copies.status["member", "7"] = "completed"
    assert "result" in await member.send("tasks/cancel", taskId="copy_book:7")
    assert (await member.task())["status"] == "completed"


async def test_a_task_is_that_of_its_caller_alone(
    member: Member, http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    await member.order()
    other = Member(http, bearer("other"))

    for method in ("tasks/get", "tasks/update", "tasks/cancel"):
        for task in ("copy_book:7", "copy_book:8", "show_copy:7", "copy_book:../7", ""):
            answer = await other.send(method, taskId=task)
            assert answer["error"] == {"code": -32602, "message": "There is no such task."}, (method, task)
    assert (await member.task())["status"] == "working"


async def test_apps_without_tasks_have_none(member: Member) -> None:
    assert (await member.order(capabilities={}))["structuredContent"] == {"copy_id": "7", "status": "working"}
    refused = await member.send("tasks/get", taskId="copy_book:7", capabilities={})

    assert refused["error"]["code"] == -32021
    assert refused["error"]["data"] == {"requiredCapabilities": CAPABILITIES}
    assert (await member.send("tasks/result", taskId="copy_book:7"))["error"]["code"] == -32601


def test_tasks_without_a_page_that_follows_them_are_refused_together(
    signing_key: str, token_settings: TokenSettings
) -> None:
    order, show, cancel = copy_pages(Copies())
    other = Page("/books", deadline=5.0, agent=Tool("find books"))

    @other.view
    def books(author: Query[str], title: Query[str]) -> Books:
        """Finds books."""
        return Books([author, title])

    assert order.agent is not None
    order.agent = Tool("copy book", task=Task(follow=other, cancel=cancel, state=state))
    cancel.agent = None

    with pytest.raises(ConfigError) as refused:
        library(order, show, cancel, other, signing_key=signing_key, tokens=token_settings)

    assert refused.value.errors == [
        "the tool copy_book: /books needs other arguments than the id of a task",
        "the tool copy_book: /copies/{copy_id}/cancel is no tool of this BFF, as its tasks need it",
        "the tool copy_book: /books has another view, by which its tasks end",
    ]
