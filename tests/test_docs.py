"""The examples of the documentation work."""

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from frontispiece.gateway import GatewaySettings, create_app
from frontispiece.gateway.pipeline import POLICIES
from frontispiece.pages import BffSettings
from frontispiece.settings import Directory
from frontispiece.upstream import UpstreamError
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub, answering

DOCS = Path(__file__).parents[1] / "docs"


def examples(page: str, language: str) -> list[str]:
    """The examples on a page of the documentation that are in this language."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


async def test_the_layer_of_the_documentation_refuses_calls_until_its_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = examples("edge/own-layers.md", "python")
    declaration, routes = examples("edge/own-layers.md", "toml")
    module = ModuleType("maintenance")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "docs/edge/own-layers.md", "exec"), vars(module))  # noqa: S102 (the documentation is ours)
    project, table = tmp_path / "frontispiece.toml", tmp_path / "routes.toml"
    project.write_text(declaration)
    lasting = routes.replace("2030-", "2999-")
    over = routes.replace("2030-", "2020-").replace("/notes/", "/over/")
    table.write_text(f'[services.notes]\nurl = "registry://notes"\n{lasting}{over}')

    async with servers() as serve:
        directory = Directory(services={"notes": await serve(Stub())})
        settings = GatewaySettings(routes=table, layers=project, directory=directory, watch=False)
        async with httpx.AsyncClient(base_url=await serve(create_app(settings))) as http:
            closed, open_again = [await http.get(path) for path in ("/notes/a", "/over/a")]

    assert len([*code.splitlines(), *declaration.splitlines(), *routes.splitlines()]) <= 30
    assert (closed.status_code, open_again.status_code) == (503, 200)
    assert closed.json()["detail"] == "This is back at 2999-01-01 06:00:00+00:00."


def test_every_place_of_a_layer_is_documented_in_order() -> None:
    text = (DOCS / "edge" / "own-layers.md").read_text(encoding="utf-8")
    places = text.partition("- **Places**")[2].partition(". A layer is")[0]

    assert re.findall(r"`(\w+)`", places) == list(POLICIES)


def test_every_reason_of_a_degraded_page_is_documented() -> None:
    text = (DOCS / "project.md").read_text(encoding="utf-8").partition("| reason |")[2]
    failures = UpstreamError.__subclasses__()

    assert {each.reason for each in failures} <= {*re.findall(r"^\| `([\w-]+)`", text, re.MULTILINE)}


async def test_the_page_of_the_project_s_documentation_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    async def respond(exchange: Exchange) -> None:
        bodies = {
            b"/notes/a": b'{"id": "a", "text": "A note.", "related": ["b", "c"]}',
            b"/ratings": b'[{"id": "c", "stars": 5}]',
        }
        await answering(200, bodies[exchange.path], (b"content-type", b"application/json"))(exchange)

    (code,) = examples("project.md", "python")
    pages = ModuleType("documented_pages")
    monkeypatch.setitem(sys.modules, pages.__name__, pages)
    exec(compile(code, "docs/project.md", "exec"), vars(pages))  # noqa: S102 (the documentation is ours)
    services = Stub(respond)

    async with servers() as serve:
        url = await serve(services)
        app = pages.create_app(BffSettings(directory=Directory(services={"notes": url, "stars": url})))
        async with httpx.AsyncClient(base_url=await serve(app)) as http:
            response = await http.get("/notes/a")
            ready = await http.get("/health/ready")

    assert response.json() == {"text": "A note.", "ratings": [None, {"id": "c", "stars": 5}]}
    assert services.paths == ["/notes/a", "/ratings"]
    assert ready.status_code == 200


def test_make_help_says_what_every_target_does() -> None:
    folder = DOCS.parent
    (targets,) = re.findall(r"^\.PHONY: (.+)$", (folder / "Makefile").read_text(), re.MULTILINE)
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout

    assert {line.split()[0] for line in listed.splitlines() if len(line.split()) > 1} == set(targets.split())
