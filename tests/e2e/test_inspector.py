"""The shop's tools as the inspector of the Model Context Protocol finds them."""

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.shop import ROOT, RunningShop

pytestmark = pytest.mark.e2e

INSPECTOR = ROOT / "clients/node_modules/@modelcontextprotocol/inspector-cli/build"
"""Its own folder: it looks from there for what it is called."""

Inspect = Callable[..., dict[str, Any]]


@pytest.fixture
def inspect(shop: RunningShop) -> Inspect:
    """`inspect("tools/list")`: the result of a method, which the inspector has validated, for a customer."""
    if (node := shutil.which("node")) is None or not INSPECTOR.is_dir():
        pytest.skip("there is no node, or no inspector")
    (header,) = shop.logged_in("agent", "shopper").items()

    def inspected(method: str, *options: str) -> dict[str, Any]:
        command = [node, "index.js", f"{shop.url}/agent/mcp", "--transport", "http"]
        command += ["--header", ": ".join(header), "--method", method, *options]
        run = subprocess.run(command, cwd=INSPECTOR, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        result: dict[str, Any] = json.loads(run.stdout)
        return result

    return inspected


def test_the_inspector_lists_calls_and_reads(inspect: Inspect) -> None:
    tools = {tool["name"]: tool for tool in inspect("tools/list")["tools"]}
    called = inspect("tools/call", "--tool-name", "show_product", "--tool-arg", "sku=PENS-001")
    (contents,) = inspect("resources/read", "--uri", "product:PENS-001")["contents"]

    assert tools.keys() >= {"find_products", "place_order"}
    assert tools["show_product"]["outputSchema"]["type"] == "object"
    assert called["structuredContent"]["sku"] == json.loads(contents["text"])["sku"] == "PENS-001"
