"""The tools of the agents' BFF, and what a change of them breaks."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from frontispiece.agents import AgentEndpoint
from frontispiece.contracts.agents import changes, place, tools_of
from frontispiece.pages import PageApp
from frontispiece.settings import TokenSettings
from tests.support.apps import APPS, Parts
from tests.support.contracts import CONTRACTS, is_written

APP = "bff-agent"


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory, token_settings: TokenSettings, signing_key: str) -> str:
    """The tools as the app has them."""
    parts = Parts(folder=tmp_path_factory.getbasetemp(), tokens=token_settings, signing_key=signing_key)
    app = APPS[APP](parts)
    assert isinstance(app, PageApp)
    (endpoint,) = app.apis
    assert isinstance(endpoint, AgentEndpoint)
    return tools_of(endpoint)


def test_the_file_is_what_the_app_says(tools: str) -> None:
    assert is_written(CONTRACTS / place(APP), tools), "it is not up to date: run `make contracts`"
    assert list(changes(APP, tools.encode(), tools)) == []


BREAKING: list[tuple[Callable[[Any], Any], str]] = [
    (lambda tools: tools.pop("show_order"), "tool show_order: operation removed"),
    (
        lambda tools: tools["find_products"]["inputSchema"]["properties"].pop("brand"),
        "tool find_products",
    ),
    (
        lambda tools: tools["draft_checkout"]["inputSchema"]["required"].append("country"),
        "tool draft_checkout",
    ),
    (
        lambda tools: tools["show_order"]["outputSchema"]["properties"].pop("stage"),
        "tool show_order",
    ),
    (
        lambda tools: tools["find_products"]["scopes"].append("shop"),
        "tool find_products: it needs the scope shop",
    ),
]


@pytest.mark.parametrize(("change", "named"), BREAKING, ids=[named for _, named in BREAKING])
def test_what_an_agent_could_notice_is_named(change: Callable[[Any], Any], named: str, tools: str) -> None:
    changed = json.loads(tools)
    change(changed)

    breaches = [each.text for each in changes(APP, tools.encode(), json.dumps(changed)) if each.is_breach]

    assert any(named in text for text in breaches), breaches
