"""An assistant at the running shop, by the reference client of the Model Context Protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import httpx2
import pytest
from mcp import Client, ClientSession, MCPError
from mcp.client.auth import OAuthClientProvider
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from mcp_types import CallToolResult, GetTaskRequest, GetTaskRequestParams, Result
from pydantic import AnyUrl

from frontispiece.login.flow import LoginForm
from shop.demo import PASSWORD
from tests.support.browser import Browser
from tests.support.checkouts import ADDRESS, CARD
from tests.support.customers import add_customers
from tests.support.sessions import until
from tests.support.shop import RunningShop
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.e2e

Json = dict[str, Any]
REDIRECT = "http://127.0.0.1:53682/callback"


class Storage:
    """What an assistant keeps: that it is the client `agent`, and its tokens."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        """The tokens that it has got."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens."""
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull:
        """What the identity provider knows it by."""
        return OAuthClientInformationFull(
            client_id="agent", redirect_uris=[AnyUrl(REDIRECT)], token_endpoint_auth_method="none"
        )

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """It is registered already."""


class Assistant:
    """An assistant, which knows the URL of the shop's tools and nothing else, and its customer."""

    def __init__(self, shop: RunningShop, user: str) -> None:
        self._url = f"{shop.url}/agent/mcp"
        self._origin = shop.url
        self._user = user
        self._redirected = ""
        metadata = OAuthClientMetadata(
            redirect_uris=[AnyUrl(REDIRECT)], token_endpoint_auth_method="none", client_name="assistant"
        )
        self.storage = Storage()
        self.auth = OAuthClientProvider(self._url, metadata, self.storage, self._log_in, self._callback)

    async def _log_in(self, url: str) -> None:
        browser = Browser()
        try:
            form = LoginForm((await browser.navigate(url)).text)
            assert form.action
            filled = form.filled(self._user, PASSWORD)
            answer = await browser.submit(urljoin(url, form.action), filled, start=self._origin)
            consent = LoginForm(answer.text)
            assert consent.action
            agreed = {**consent.fields, "decision": "allow"}
            answer = await browser.submit(urljoin(url, consent.action), agreed, start=self._origin)
            self._redirected = answer.headers["location"]
        finally:
            await browser.close()

    async def _callback(self) -> AuthorizationCodeResult:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self._redirected).query).items()}
        return AuthorizationCodeResult(**query)

    @asynccontextmanager
    async def connected(
        self, mode: Literal["auto", "legacy"] = "auto", extensions: Sequence[ClientExtension] = ()
    ) -> AsyncIterator[Client]:
        """A client at the shop's tools."""
        async with (
            httpx2.AsyncClient(auth=self.auth, timeout=60) as http,
            Client(
                streamable_http_client(self._url, http_client=http), mode=mode, extensions=extensions
            ) as client,
        ):
            yield client


@pytest.fixture
def assistant(shop: RunningShop, names: Iterator[str]) -> Assistant:
    """The assistant of a new customer."""
    name = next(names)
    asyncio.run(add_customers(shop.data, [name]))
    return Assistant(shop, name)


class Created(Result):
    """A task that a tool has begun."""

    result_type: Literal["task"] = "task"
    task_id: str
    status: str


class GetTask(GetTaskRequest):
    """A request for what has become of a task."""

    name_param = "taskId"


class Polled(Result):
    """A task, with the result of its tool when it has ended."""

    status: str
    result: Json | None = None


class Tasks(ClientExtension):
    """Follows a task until it ends."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.created: list[str] = []

    def claims(self) -> Sequence[ResultClaim[Any]]:
        """What the tool's result may be instead."""
        return [ResultClaim(result_type="task", model=Created, resolve=self._resolve)]

    async def _resolve(self, created: Created, context: ClaimContext) -> CallToolResult:
        self.created.append(created.task_id)
        async with asyncio.timeout(TIMEOUT):
            while (polled := await poll(context.session, created.task_id)).status == "working":
                pass
        return CallToolResult.model_validate(polled.result)


async def poll(session: ClientSession, task: str) -> Polled:
    """What has become of a task."""
    return await session.send_request(GetTask(params=GetTaskRequestParams(task_id=task)), Polled)


async def use(client: Client, tool: str, **arguments: Any) -> Json:
    """A tool's answer, which fits its schema: the client has looked."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    answer: Json = result.structured_content
    return answer


async def problem(client: Client, tool: str, **arguments: Any) -> Json:
    """What a tool answers that cannot do what it is called for."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result.structured_content
    found: Json = json.loads(result.content[0].text)  # type: ignore[union-attr]
    return found


async def test_an_assistant_that_knows_a_url_finds_products_and_buys_what_its_customer_confirms(
    assistant: Assistant, article: str
) -> None:
    tasks = Tasks()
    async with assistant.connected(extensions=[tasks]) as client:
        assert client.protocol_version == "2026-07-28"
        found = await use(client, "find_products", q="pen", limit=3)
        assert 0 < len(found["items"]) <= 3
        shown = await client.read_resource(f"product:{article}")
        assert json.loads(shown.contents[0].text)["sku"] == article  # type: ignore[union-attr]
        basket = await use(client, "put_into_basket", sku=article, quantity=2)
        assert basket["lines"][0]["sku"] == article
        draft = await use(client, "draft_checkout", country="DE")
        delivery = draft["deliveries"][0]
        order = {
            "basket_version": draft["basket_version"],
            "total": delivery["total"],
            "shipping": {"method": delivery["method"], "address": ADDRESS},
            "payment_token": CARD,
        }
        cheaper = {**order, "total": {**delivery["total"], "amount": 1}}
        assert (await problem(client, "place_order", **cheaper))["type"].endswith(":basket-changed")

        first = await use(client, "place_order", **order)
        assert first["summary"]["total"] == delivery["total"]
        picked = {**order, "total": draft["goods"], "shipping": {**order["shipping"], "method": "pickup"}}
        picked["shipping"]["store"] = "any"
        assert (await use(client, "place_order", **picked))["summary"]["store"] == "any"
        assert (await use(client, "list_orders"))["items"] == []
        other = {**order, "payment_token": "another", "confirmation": first["confirmation"]}
        assert (await problem(client, "place_order", **other))["type"].endswith(":confirmation-invalid")
        placed = await use(client, "place_order", **order, confirmation=first["confirmation"])
        again = await use(client, "place_order", **order, confirmation=first["confirmation"])
        assert placed["result"]["order_id"] == again["result"]["order_id"]
        order_id = placed["result"]["order_id"]
        assert placed["result"]["status"] == "completed"
        assert tasks.created == [f"place_order:{order_id}"] * 2
        assert (await use(client, "show_order", order_id=order_id))["status"] == "completed"


async def test_assistants_of_the_revision_before_are_served(assistant: Assistant, article: str) -> None:
    async with assistant.connected("legacy") as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        product = await use(client, "show_product", sku=article)

    assert tools["place_order"].annotations.destructive_hint  # type: ignore[union-attr]
    assert product["sku"] == article


async def test_arguments_that_do_not_fit_go_nowhere(assistant: Assistant) -> None:
    async with assistant.connected() as client:
        for sku in ("../orders", "PENS-001/x", "", "PENS-001?x"):
            assert (await problem(client, "show_product", sku=sku))["type"].endswith(":invalid-arguments")
        for order_id in ("..", "a/b", ""):
            found = await problem(client, "show_order", order_id=order_id)
            assert found["type"].endswith(":invalid-arguments")
        assert (await problem(client, "find_products", limit=3, owner="x"))["status"] == 422
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("drop_tables", {})


def test_tokens_of_assistants_are_for_the_tools_alone(http: httpx.Client, shop: RunningShop) -> None:
    own = shop.logged_in("agent", "shopper")

    assert http.get("/mobile/orders", headers=own).status_code == 401
    assert http.post("/agent/mcp", json={}, headers=own).status_code == 400
    assert http.post("/agent/mcp", json={}, headers=shop.phone("shopper")).status_code == 401


async def test_an_assistant_whose_login_is_revoked_is_refused(
    assistant: Assistant, shop: RunningShop
) -> None:
    async with assistant.connected():
        tokens = assistant.storage.tokens
    assert tokens is not None
    own = {"Authorization": f"Bearer {tokens.access_token}"}
    async with httpx.AsyncClient(base_url=shop.url) as http:

        async def status() -> int:
            return (await http.post("/agent/mcp", json={}, headers=own)).status_code

        assert await status() == 400
        revoked = {"client_id": "agent", "token": tokens.refresh_token or tokens.access_token}
        assert (await http.post("/identity/revoke", data=revoked)).status_code == 200

        async def is_refused() -> bool:
            return await status() == 401

        await until(is_refused)


def test_a_refusal_without_a_token_names_the_issuer(http: httpx.Client, shop: RunningShop) -> None:
    refused = http.post("/agent/mcp", json={})
    url = f"{shop.url}/.well-known/oauth-protected-resource/agent/mcp"

    foreign = http.post("/agent/mcp", json={}, headers={"Origin": "https://elsewhere.example"})
    own = http.post("/agent/mcp", json={}, headers={"Origin": shop.url})

    assert (foreign.status_code, own.status_code) == (403, 401)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == f'Bearer resource_metadata="{url}"'
    assert http.get(url).json() == {
        "resource": f"{shop.url}/agent/mcp",
        "authorization_servers": [f"{shop.url}/identity"],
        "bearer_methods_supported": ["header"],
        "resource_name": "The shop, for assistants",
        "scopes_supported": ["openid", "shop"],
    }
