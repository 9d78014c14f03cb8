"""The commands of the documentation do what it says."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.support.shop import ROOT, RunningShop, front

pytestmark = pytest.mark.e2e

TOOLS = ("sh", "curl", "jq")


needs_tools = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")


def said(page: str, shop: RunningShop, folder: Path) -> str:
    """What the commands of a page print, for this shop."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (script,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    script = script.replace("http://127.0.0.1:8080", shop.url)
    script = script.replace(".venv/bin/front", f"env -C {shlex.quote(str(ROOT))} {shlex.join(front())}")
    script = script.replace(" contracts/", f" {ROOT}/contracts/")
    command = ["sh", "-e", "-c", script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True).stdout


@needs_tools
def test_the_documented_checkout_by_curl_is_completed(shop: RunningShop, tmp_path: Path) -> None:
    printed = said("checkout.md", shop, tmp_path)

    stages = re.findall(r"^event: (.+)$", printed, re.MULTILINE)
    assert (stages[0], stages[-1]) == ("placed", "completed")
    order = printed.splitlines()[-1]
    assert '"status":"completed"' in order
    assert '"method":"express"' in order


@needs_tools
def test_the_documented_operations_of_graphql_are_carried_out(shop: RunningShop, tmp_path: Path) -> None:
    printed = said("graphql.md", shop, tmp_path)

    assert re.findall(r'"errors"|"code"', printed) == []
    product, orders = (f'{{"data":{{"{field}":{{' for field in ("product", "orders"))
    assert printed.startswith(product)
    assert printed.count(product) == 2
    assert '"completed":[{' in printed
    assert orders in printed


@needs_tools
def test_the_documented_purchase_by_an_assistant_is_made(shop: RunningShop, tmp_path: Path) -> None:
    printed = said("agents.md", shop, tmp_path)

    assert printed.startswith("find_products\nshow_product\n")
    assert '"method": "standard"' in printed
    assert printed.splitlines()[-1].startswith('{"order_id":')


def test_graphql_with_a_session_needs_the_header_against_forged_calls(shop: RunningShop) -> None:
    cookie = {"Cookie": shop.browser("shopper")["Cookie"]}

    answer = httpx.post(f"{shop.url}/web/graphql", json={"query": "{ basket { version } }"}, headers=cookie)

    assert (answer.status_code, answer.json()["type"]) == (
        403,
        "urn:frontispiece:problem:csrf-header-missing",
    )
