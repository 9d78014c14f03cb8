"""GraphQL over HTTP, as its working group audits it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.frontispiece.graphql.conftest import app_of, library_graph
from tests.support.serving import servers
from tests.support.shop import ROOT

AUDIT = Path(__file__).with_name("audit.mjs")


async def test_the_audit_of_graphql_over_http_is_fulfilled() -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "clients/node_modules/graphql-http").is_dir():
        pytest.skip("there is no node, or no graphql-http")
    app = app_of(library_graph())
    async with app.router.lifespan_context(app), servers() as serve:
        url = f"{await serve(app)}/graphql"
        audit = await asyncio.create_subprocess_exec(
            node, AUDIT, ROOT / "clients", url, stdout=asyncio.subprocess.PIPE
        )
        said, _ = await audit.communicate()

    assert said.decode().splitlines() == ["61 of 61"]
