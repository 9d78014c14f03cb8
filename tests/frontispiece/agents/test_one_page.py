"""One declaration of a page serves a web client, an app on a phone, and agents."""

from contextlib import AsyncExitStack

from frontispiece.agents import Agents
from frontispiece.pages import AuthenticatedBffSettings, Budget, Page, Tool, bff
from frontispiece.settings import TokenSettings
from frontispiece.upstream import Unreachable
from tests.conftest import AppClient, MakeToken
from tests.frontispiece.agents.conftest import Books, Caller
from tests.frontispiece.agents.test_budgets import Stacks


def shelf_page() -> Page:
    tool = Tool("show shelf", budget=Budget(calls=2, ms=60_000))
    page = Page("/shelves/{number}", deadline=5.0, agent=tool)

    @page.source()
    async def titles(number: int, stacks: Stacks) -> list[str]:
        for _ in range(number):
            stacks.fetch()
        return ["fetched"] * number

    @page.source(fallback=list)
    async def news(stacks: Stacks) -> list[str]:
        raise Unreachable("nobody is there")

    @page.view
    def books(titles: list[str], news: list[str]) -> Books:
        """Shows a shelf."""
        return Books([*titles, *news])

    return page


async def test_one_page_serves_every_client_by_the_same_policies_and_with_the_same_schema(
    app_client: AppClient, bearer: MakeToken, signing_key: str, token_settings: TokenSettings
) -> None:
    page = shelf_page()
    settings = AuthenticatedBffSettings(signing_key=signing_key, tokens=token_settings)
    apps = {
        name: bff(name, pages=[page], clients={Stacks: Stacks}, apis=apis)(settings)
        for name, apis in (("web", []), ("mobile", []), ("library", [Agents("/mcp", title="Library")]))
    }
    async with AsyncExitStack() as stack:
        web, mobile, library = [await stack.enter_async_context(app_client(app)) for app in apps.values()]
        shown = [await client.get("/shelves/2") for client in (web, mobile)]
        refused = [await client.get("/shelves/many") for client in (web, mobile)]
        assistant = Caller(library, bearer("reader"))
        (tool,) = (await assistant.send("tools/list"))["result"]["tools"]
        answer = await assistant.call("show_shelf", number=2)
        wrong = await assistant.call("show_shelf", number="many")
        beyond = await assistant.call("show_shelf", number=3)

    assert [each.json() for each in shown] == [answer["structuredContent"]] * 2
    for each in shown:
        assert each.headers["page-degraded"] == "news;reason=unavailable"
    assert answer["content"][1]["text"] == "Not known now: news;reason=unavailable."
    assert [each.status_code for each in refused] == [422, 422]
    assert wrong["isError"]
    assert "budget-exceeded" in beyond["content"][0]["text"]
    web_schema, mobile_schema = [
        apps[name].openapi()["components"]["schemas"]["Books"] for name in ("web", "mobile")
    ]
    assert web_schema == mobile_schema == tool["outputSchema"]
