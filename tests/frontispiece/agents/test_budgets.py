"""Budgets of tools: calls to services, and time."""

from typing import Literal, Self

import pytest

from frontispiece.agents import Agents
from frontispiece.pages import AuthenticatedBffSettings, Budget, Page, Tool, bff
from frontispiece.pages.usage import collect
from frontispiece.settings import Directory, TokenSettings
from frontispiece.upstream import Context
from tests.conftest import AppClient, MakeToken
from tests.frontispiece.agents.conftest import Books, Caller


class Stacks:
    """A service that counts its calls by the request's context, as clients of every protocol do."""

    def __init__(self, context: Context | None = None) -> None:
        self._context = context

    @classmethod
    def connect(cls, _directory: Directory, _client: type) -> Self:
        """How the library reaches it."""
        return cls()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def bind(self, context: Context) -> Self:
        """The client of one request."""
        return type(self)(context)

    async def is_ready(self) -> bool:
        """At once."""
        return True

    def fetch(self) -> None:
        """Call it."""
        assert self._context is not None
        self._context.begin_call()


def fetch_page() -> Page:
    budget = Budget(calls=2, ms=60_000)
    page = Page("/fetched", deadline=5.0, agent=Tool("fetch books", budget=budget))

    @page.source()
    async def titles(stacks: Stacks, count: int = 1) -> list[str]:
        for _ in range(count):
            stacks.fetch()
        return ["fetched"] * count

    @page.view
    def books(titles: list[str]) -> Books:
        """Fetches books."""
        return Books(titles)

    return page


@pytest.mark.parametrize("mode", ["enforce", "measure"])
async def test_no_tool_makes_more_calls_than_its_budget_has(
    mode: Literal["enforce", "measure"],
    app_client: AppClient,
    bearer: MakeToken,
    signing_key: str,
    token_settings: TokenSettings,
) -> None:
    apis = [Agents("/mcp", title="Library", mode=mode)]
    settings = AuthenticatedBffSettings(signing_key=signing_key, tokens=token_settings)
    app = bff("library", pages=[fetch_page()], clients={Stacks: Stacks}, apis=apis)(settings)
    (endpoint,) = app.apis
    assert endpoint.usage is not None
    async with app_client(app) as http:
        reader = Caller(http, bearer("reader", "books"))
        within = await reader.call("fetch_books", count=2)
        beyond = await reader.call("fetch_books", count=3)

    assert within["structuredContent"] == {"titles": ["fetched"] * 2}
    assert beyond.get("isError", False) == (mode == "enforce")
    assert ("budget-exceeded" in beyond["content"][0]["text"]) == (mode == "enforce")
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in collect([endpoint.usage])
        for sample in metric.samples
    }
    api = "library:/mcp"
    assert values["gateway_api_upstream_calls_total", api, "", "fetch_books"] == 5
    assert values["gateway_api_over_budget_total", api, "", "fetch_books", "calls"] == 1
    assert values["gateway_api_demand_exceeded_total", api, mode] == 1
