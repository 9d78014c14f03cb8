"""docs/deploy.md names every setting as the code has it, and the page of docs/project.md works."""

import re
import sys
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from frontispiece.pages import BffSettings
from frontispiece.settings import Directory
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub, answering
from tests.support.variables import ROLES, variables

PAGE = Path(__file__).parents[1] / "docs" / "deploy.md"
WITH_EVENTS = "services with events"
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \| \S.* \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str]]:
    """Who reads a variable, and its default, as the page says."""
    found = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(found) == len({name for name, _, _ in found}), "a variable has two rows"
    return {name: (readers, default) for name, readers, default in found}


@pytest.mark.parametrize("role", ROLES)
def test_every_setting_of_a_role_is_documented_with_its_default(
    role: str, rows: dict[str, tuple[str, str]]
) -> None:
    told = {name: default for name, (readers, default) in rows.items() if _reads(role, readers)}
    true = {
        variable.name: "required" if variable.default is None else f"`{variable.default}`"
        for variable in variables(role).values()
    }

    assert told == true


def test_no_role_is_documented_that_there_is_not(rows: dict[str, tuple[str, str]]) -> None:
    named = {reader for readers, _ in rows.values() for reader in readers.split(", ")}

    assert named <= {"every role", WITH_EVENTS, *ROLES}


def _reads(role: str, readers: str) -> bool:
    if readers == WITH_EVENTS:
        return "EVENTS_URL" in variables(role)
    return readers == "every role" or role in readers.split(", ")


async def test_the_page_of_the_project_s_documentation_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    async def respond(exchange: Exchange) -> None:
        bodies = {
            b"/notes/a": b'{"id": "a", "text": "A note.", "related": ["b", "c"]}',
            b"/ratings": b'[{"id": "c", "stars": 5}]',
        }
        await answering(200, bodies[exchange.path], (b"content-type", b"application/json"))(exchange)

    text = (PAGE.parent / "project.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
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
