"""The declaration of an agent API.

```python
page = Page("/books/{isbn}", deadline=1.0, agent=Tool("show book", uri="book:{isbn}"))

create_app = bff("bff-agent", pages=[page], clients={Books: "books"}, apis=[Agents("/mcp", title="Library")])
```
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from frontispiece.agents.endpoint import AgentEndpoint
from frontispiece.pages.api import ApiEndpoint, ApiParts
from frontispiece.pages.page import Source


@dataclass(frozen=True, slots=True)
class Agents:
    """Serves those pages of a BFF that have `agent=Tool(…)` over the Model Context Protocol.

    Args:
        path: where, by streamable HTTP without sessions.
        title: what agents call the server.
        version: of the server, for agents.
        instructions: how its tools go together, for agents.
        mode: `enforce` makes no call beyond a tool's budget; `measure` makes it, logs and counts it.
    """

    path: str
    title: str
    version: str = "1.0.0"
    instructions: str = ""
    mode: Literal["enforce", "measure"] = "enforce"

    @property
    def sources(self) -> Sequence[Source]:
        """None of its own: its tools are the BFF's pages."""
        return ()

    def endpoints(self, parts: ApiParts) -> Sequence[ApiEndpoint]:
        """The endpoint that serves it.

        Raises:
            ConfigError: some tool cannot work; every error is listed.
        """
        about = {"name": parts.app, "title": self.title, "version": self.version}
        return [AgentEndpoint(self.path, about, self.instructions, parts, enforces=self.mode == "enforce")]
