"""A small project with contracts: an app of notes, and clients that read them."""

import json
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from frontispiece.contracts import PactFile, UnknownState
from frontispiece.http.asgi import App

LIST = """
[[reader]]
version = "1.0.0"
released = 2026-01-02

[[reader]]
version = "1.1.0"
"""

PROJECT = """
[contracts]
stage = "note_stage:staged"

[apps.notes]
factory = "note_stage:create_app"

[gateway]
factory = "note_stage:create_app"
"""

STAGE = """
import os
from tests.support.small_contracts import create_app as app, staging

def create_app():
    return app(*filter(None, os.environ.get("LACKING", "").split()))

staged = staging(create_app)
"""


def create_app(*lacking: str) -> FastAPI:
    """An app of notes, without some fields."""
    app = FastAPI(title="notes")
    app.state.notes = {}

    @app.get("/notes/{name}")
    async def note(name: str) -> dict[str, Any]:
        return {key: value for key, value in app.state.notes[name].items() if key not in lacking}

    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "text": {"type": "string"},
            "author": {"$ref": "#/components/schemas/Author"},
            "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
            "tags": {"type": "array", "items": {"$ref": "#/components/schemas/Tag"}},
        },
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "notes", "version": "1"},
        "paths": {
            "/notes/{name}": {
                "get": {
                    "parameters": [{"name": "name", "in": "path", "required": True, "schema": {}}],
                    "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
                }
            }
        },
        "components": {
            "schemas": {
                "Author": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "born": {"type": "integer"}},
                },
                "Tag": {
                    "type": "object",
                    "properties": {"id": {"type": "string"}, "parent": {"$ref": "#/components/schemas/Tag"}},
                },
            }
        },
    }
    app.openapi = lambda: document  # type: ignore[method-assign]
    return app


NOTE = {
    "name": "ink",
    "text": "Buy ink",
    "author": {"name": "Ann", "born": 1999},
    "counts": {"en": 2},
    "tags": [{"id": "a"}],
}


class NoteStage:
    """Notes that are there when a contract says so."""

    def __init__(self, app: FastAPI) -> None:
        self.app: App = app
        self._notes: dict[str, Any] = app.state.notes

    async def set_up(self, state: str, parameters: Mapping[str, Any]) -> None:
        if state != "there is a note":
            raise UnknownState(state)
        self._notes[parameters.get("name", "ink")] = NOTE

    async def tear_down(self) -> None:
        self._notes.clear()


def staging(factory: Any = create_app) -> Any:
    """The stage of the app that a factory makes."""

    @asynccontextmanager
    async def staged(_provider: str) -> AsyncIterator[NoteStage]:
        yield NoteStage(factory())

    return staged


def contract(
    version: str = "1.0.0", *, state: str = "there is a note", status: int = 200, **content: Any
) -> bytes:
    """The contract of a version of the reader, which reads these fields by their types."""
    document = {
        "consumer": {"name": "reader"},
        "provider": {"name": "notes"},
        "interactions": [
            {
                "type": "Synchronous/HTTP",
                "description": "the note's page",
                "pending": False,
                "providerStates": [{"name": state}],
                "request": {"method": "GET", "path": "/notes/ink"},
                "response": {
                    "status": status,
                    "body": {"content": content, "contentType": "application/json", "encoded": False},
                    "matchingRules": {"body": {"$": {"combine": "AND", "matchers": [{"match": "type"}]}}},
                },
            }
        ],
        "metadata": {"pactSpecification": {"version": "4.0"}},
    }
    return json.dumps(document | {"version": version}).encode()


def pact(version: str = "1.0.0", **content: Any) -> PactFile:
    """The same, parsed."""
    return PactFile.parse(f"reader/{version}.json", contract(version, **content), "here")


def write_contracts(folder: Path) -> Path:
    """The folder of contracts of a project in a git repository, committed; returns the folder."""
    contracts = folder / "contracts"
    (contracts / "reader").mkdir(parents=True)
    (contracts / "released.toml").write_text(LIST)
    (contracts / "reader" / "1.0.0.json").write_bytes(contract(text="Buy ink"))
    (contracts / "reader" / "1.1.0.json").write_bytes(
        contract("1.1.0", text="Buy ink", author={"name": "Ann"}, counts={"en": 2})
    )
    (folder / "frontispiece.toml").write_text(PROJECT)
    (folder / "note_stage.py").write_text(STAGE)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder)
    return contracts


def commit(folder: Path) -> None:
    """Commit all there is."""
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "--quiet", "-m", "More")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)
