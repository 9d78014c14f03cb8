"""The declaration of a graph: queries, mutations, subscriptions, and fields of types.

```python
graph = Graph("/graphql", deadline=2.0)

@graph.query(retry=Retry())
async def article(id: str, articles: Articles) -> Article: ...

@graph.field(Article, timeout=0.3)
async def comments(article: Article, comments: Comments) -> list[Comment] | None:
    return await comments.load_of(article.id)  # of all articles shown, in one call
```

A function's parameters are the object whose field it is, service clients, the caller's `Identity`, the
`PageRequest`, and arguments: all others. What it may do beside is what a page's source may do: a timeout, a
fallback, a cache, retries and hedges. A nullable field without a fallback is null when its upstream fails,
with an error; a field that is not nullable takes its object with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from frontispiece.pages.api import ApiEndpoint, ApiParts
from frontispiece.pages.page import Fallback, Source
from frontispiece.pages.result_cache import Cache
from frontispiece.pages.retry import Hedge, Retry

Function = TypeVar("Function", bound=Callable[..., Any])

QUERY: Final = "Query"
MUTATION: Final = "Mutation"
SUBSCRIPTION: Final = "Subscription"


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A field that a function resolves.

    Args:
        owner: the type that has it, or the name of an operation type.
        batched: whether the calls for all objects at one place of a response are one, as loaders make it.
        list_size: items that a list is expected to have, when no argument `limit` says it.
    """

    owner: type | str
    source: Source
    batched: bool
    list_size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The limits of the demand of an operation.

    Args:
        mode: `enforce` refuses what demands more; `measure` logs and counts it, and carries it out.
        tokens: of the document; in either mode.
        selections: fields and spreads in the document; in either mode.
        depth: of nested fields.
        aliases: in all selections, those of fragments wherever they are spread.
        directives: the same.
        cost: objects that a response may have, by the sizes of its lists, and `CALL_COST` for each call to an
            upstream, as measured.
    """

    mode: Literal["enforce", "measure"] = "enforce"
    tokens: int = 2000
    selections: int = 250
    depth: int = 12
    aliases: int = 30
    directives: int = 30
    cost: int = 2000


class Graph:
    """A GraphQL API over the clients of a BFF.

    Args:
        path: where it is served.
        deadline: seconds until it responds, whatever its fields do; a stream begins in that time.
        folder: has `operations.json`, the persisted operations, and `schema.graphql`; None without any.
        clients: the folder of each client's `.graphql` files, by the client's name.
        limits: what an operation may demand.
        automatic: whether clients may register documents by their hash (automatic persisted queries). Only
            where documents of their own are accepted.
    """

    def __init__(
        self,
        path: str,
        *,
        deadline: float,
        folder: Path | None = None,
        clients: Mapping[str, Path] = MappingProxyType({}),
        limits: Limits | None = None,
        automatic: bool = False,
    ) -> None:
        self.path = path
        self.deadline = deadline
        self.folder = folder
        self.clients = clients
        self.limits = limits or Limits()
        self.automatic = automatic
        self.fields: list[Field] = []

    @property
    def sources(self) -> Sequence[Source]:
        """The functions of the fields with their policies."""
        return [field.source for field in self.fields]

    def endpoints(self, parts: ApiParts) -> Sequence[ApiEndpoint]:
        """The endpoints of the API, and of GraphiQL for developers.

        Raises:
            ConfigError: it cannot work; every error is listed.
        """
        from frontispiece.graphql.endpoint import GraphEndpoint  # noqa: PLC0415 (which reads this module)
        from frontispiece.graphql.graphiql import GraphiqlEndpoint  # noqa: PLC0415 (the same)

        return [GraphEndpoint(self, parts), GraphiqlEndpoint(self.path, accessible=parts.accept_any_document)]

    def query(self, **policies: Any) -> Callable[[Function], Function]:
        """Declare a field of `Query`; the policies are those of `field`."""
        return self.field(QUERY, **policies)

    def mutation(self, **policies: Any) -> Callable[[Function], Function]:
        """Declare a field of `Mutation`; the policies are those of `field`."""
        return self.field(MUTATION, **policies)

    def subscription(self, **policies: Any) -> Callable[[Function], Function]:
        """Declare a field of `Subscription`: an async generator of events. It has no policies but a name."""
        return self.field(SUBSCRIPTION, **policies)

    def field(
        self,
        owner: type | str,
        *,
        name: str | None = None,
        timeout: float | None = None,
        fallback: Fallback | None = None,
        cache: Cache | None = None,
        retry: Retry | None = None,
        hedge: Hedge | None = None,
        batched: bool = True,
        list_size: int = 20,
    ) -> Callable[[Function], Function]:
        """Declare a field of a type, named as the function unless `name` says otherwise.

        It replaces the attribute of the same name. The policies are those of a page's source, and `batched`
        and `list_size` are as in `Field`.
        """

        def declare(function: Function) -> Function:
            source = Source(
                name=name or function.__name__,
                function=function,
                timeout=timeout,
                fallback=fallback,
                cache=cache,
                retry=retry,
                hedge=hedge,
            )
            self.fields.append(Field(owner=owner, source=source, batched=batched, list_size=list_size))
            return function

        return declare
