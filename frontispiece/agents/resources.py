"""Tools that are resources, too: read by a URI, whose parts are arguments."""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from frontispiece.agents.messages import Json
from frontispiece.agents.tools import PageTool
from frontispiece.security import Identity

_PART: Final = re.compile(r"\{([a-z_]+)\}")


class Resources:
    """The resources of an agent API."""

    def __init__(self, tools: Sequence[PageTool]) -> None:
        self._found = [(tool, _pattern(tool.tool.uri)) for tool in tools if tool.tool.uri is not None]

    def templates(self, caller: Identity | None) -> list[Json]:
        """The templates of those that a caller may read."""
        return [
            {
                "uriTemplate": tool.tool.uri,
                "name": tool.tool.name,
                "title": tool.description["title"],
                "description": tool.description["description"],
                "mimeType": "application/json",
            }
            for tool, _ in self._found
            if tool.is_visible_to(caller)
        ]

    def find(self, uri: str) -> tuple[PageTool, Json] | None:
        """The tool that reads a resource, and its arguments; None when there is none."""
        for tool, pattern in self._found:
            if (match := pattern.fullmatch(uri)) is not None:
                return tool, {name: unquote(value) for name, value in match.groupdict().items()}
        return None


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PART.split(template)
    texts, names = parts[::2], parts[1::2]
    patterns = [f"{re.escape(text)}(?P<{name}>[^/?#]+)" for text, name in zip(texts, names, strict=False)]
    return re.compile("".join([*patterns, re.escape(texts[-1])]))
