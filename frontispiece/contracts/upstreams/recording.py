"""A recorder of the calls of typed clients: it runs each method once, with a service that only records."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from frontispiece.contracts.upstreams.fields import fields_of_type, fields_of_value
from frontispiece.pages.dataloader import LoaderDescriptor

Arguments = Mapping[str, Mapping[str, Any]]
"""Arguments of methods, by `Client.method`, where those made from their signatures do not do."""

EXAMPLES: Final[Mapping[Any, Any]] = {int: 1, float: 1.0, bool: True}
"""An argument of a type; of any other it is the parameter's name in braces, so that paths are templates."""


@dataclass(frozen=True, kw_only=True)
class HttpCall:
    """A request of a client's method, and what the method reads of the response.

    Args:
        client: `Articles.load`.
        path: `/articles/{id}`.
        headers: those that it sets itself, in lower case.
        sends: the type of every field of the body, by its path.
        reads: the type of every field that it decodes, by its path; None for a body that is passed on.
    """

    client: str
    method: str
    path: str
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    sends: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, str] | None = None


class _Recorded(Exception):
    """The call has been recorded: the method does not go on."""


class _RecordingService:
    """Stands for `frontispiece.upstream.Service`."""

    def __init__(self) -> None:
        self.calls: list[HttpCall] = []
        self.client = ""

    async def get(self, target: str, shape: Any) -> NoReturn:
        self._record("GET", target, reads=dict(fields_of_type(shape)))

    async def send(
        self,
        method: str,
        target: str,
        shape: Any,
        *,
        body: Any = None,
        headers: Any = (),
        on_headers: Any = None,
    ) -> NoReturn:
        del on_headers
        sends = {} if body is None else dict(fields_of_value(body))
        self._record(method, target, headers, sends=sends, reads=dict(fields_of_type(shape)))

    async def raw(self, target: str, on_headers: Any) -> NoReturn:
        del on_headers
        self._record("GET", target)

    async def open(self, target: str, *, headers: Any = (), idle_timeout: float = 0) -> NoReturn:
        del idle_timeout
        self._record("GET", target, headers)

    def _record(self, method: str, target: str, headers: Any = (), **fields: Any) -> NoReturn:
        url = urlsplit(target)
        self.calls.append(
            HttpCall(
                client=self.client,
                method=method,
                path=unquote(url.path),
                query=tuple(dict.fromkeys(name for name, _ in parse_qsl(url.query, keep_blank_values=True))),
                headers=tuple(sorted(name.decode().lower() for name, _ in headers)),
                **fields,
            )
        )
        raise _Recorded


async def record(client: type, arguments: Arguments) -> list[HttpCall]:
    """The calls of an HTTP client's methods."""
    service = _RecordingService()
    made = client(service)
    for name, method in methods(client, made):
        service.client = f"{client.__name__}.{name}"
        try:
            await method(**arguments_of(method, arguments.get(service.client, {})))
        except _Recorded:
            continue
    return service.calls


def methods(client: type, made: Any) -> Iterator[tuple[str, Any]]:
    """The public methods of a client; a loader as the method that fetches many keys."""
    for name, attribute in vars(client).items():
        if name.startswith("_"):
            continue
        if isinstance(attribute, LoaderDescriptor):
            yield name, attribute.fetch_of(made)
        elif inspect.iscoroutinefunction(attribute):
            yield name, getattr(made, name)


def arguments_of(method: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for a method: those given, and for its other parameters one made from each."""
    made = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}:
            made[name] = _example(name, parameter.annotation)
    return made | dict(given)


def _example(name: str, annotation: Any) -> Any:
    if getattr(annotation, "__origin__", None) is Sequence:
        return ["{each}"]
    return EXAMPLES.get(annotation, f"{{{name}}}")
