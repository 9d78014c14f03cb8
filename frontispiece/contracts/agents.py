"""Agent APIs in the contracts: the tools of each in `agents/<app>.json`, and what a change of them breaks.

Agents are not released: nobody knows which tools and arguments they have learnt. So every change that an
agent could notice breaks it, by the rules of OpenAPI documents.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from frontispiece.agents import AgentEndpoint
from frontispiece.contracts.openapi.document import Document
from frontispiece.contracts.openapi.operations import compare
from frontispiece.contracts.openapi.verdicts import Verdict
from frontispiece.contracts.release import Change
from frontispiece.errors import ConfigError

FOLDER: Final = "agents/"
"""The folder of agent APIs among the contracts."""

Json = dict[str, Any]


def place(app: str) -> str:
    """Where the tools of an app are among the contracts."""
    return f"{FOLDER}{app}.json"


def tools_of(endpoint: AgentEndpoint) -> str:
    """The content of the file of an API: its tools by name, with their scopes."""
    tools = {
        name: {**tool.description, "scopes": sorted(tool.tool.scopes), "uri": tool.tool.uri}
        for name, tool in endpoint.tools.items()
    }
    return json.dumps(tools, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def changes(app: str, before: bytes, now: str) -> Iterator[Change]:
    """The changes from the tools of an earlier revision to those of now.

    Raises:
        ConfigError: the earlier file cannot be read.
    """
    try:
        old = json.loads(before)
    except ValueError as error:
        raise ConfigError([f"the earlier {place(app)} cannot be read: {error}"]) from None
    for change in compare(_document(old, app), _document(json.loads(now), app)):
        where = f" {change.place} {change.pointer}".rstrip()
        text = f"{app}, tool {change.path[1:]}: {change.kind}{where}"
        yield Change(text, change.verdict is not Verdict.COMPATIBLE)
    for name in sorted(old.keys() & json.loads(now).keys()):
        if more := sorted(set(json.loads(now)[name]["scopes"]) - set(old[name]["scopes"])):
            yield Change(f"{app}, tool {name}: it needs the scope {', '.join(more)} now", True)


def _document(tools: Json, app: str) -> Document:
    """The tools as operations of an OpenAPI document."""
    schemas: Json = {}
    paths = {}
    for name, tool in tools.items():
        arguments = _schema(tool["inputSchema"], f"{name}_arguments_", schemas)
        answer = _schema(tool["outputSchema"], f"{name}_answer_", schemas)
        paths[f"/{name}"] = {
            "post": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": arguments}}},
                "responses": {"200": {"content": {"application/json": {"schema": answer}}}},
            }
        }
    return Document({"openapi": "3.1.0", "paths": paths, "components": {"schemas": schemas}}, place(app))


def _schema(schema: Json, prefix: str, schemas: Json) -> Json:
    """A schema whose definitions are among those of the document."""
    written = json.dumps(schema).replace('"#/$defs/', f'"#/components/schemas/{prefix}')
    moved: Json = json.loads(written)
    schemas |= {f"{prefix}{name}": each for name, each in moved.pop("$defs", {}).items()}
    return moved
