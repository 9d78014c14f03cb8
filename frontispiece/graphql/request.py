"""GraphQL over HTTP (the GraphQL working group's draft): requests, media types and single responses."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from frontispiece.http.accept import parse_accept
from frontispiece.http.json_nesting import is_nested_too_deeply
from frontispiece.http.media_types import is_json
from frontispiece.http.problems import Problem
from frontispiece.pages.request import PageRequest

Decoded = TypeVar("Decoded")


class Media(StrEnum):
    """The media types of responses."""

    RESPONSE = "application/graphql-response+json"
    JSON = "application/json"
    MULTIPART = "multipart/mixed"
    EVENTS = "text/event-stream"


RANGES: Final = {"*/*": Media.JSON, "application/*": Media.RESPONSE, "text/*": Media.EVENTS}


class PersistedQuery(Struct, frozen=True):
    """The extension by which automatic persisted queries are sent."""

    version: int
    sha256_hash: str = msgspec.field(name="sha256Hash")


class GraphRequest(Struct, frozen=True, rename="camel"):
    """The parameters of a request."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None

    @property
    def persisted_query(self) -> PersistedQuery | UnsetType:
        """The extension `persistedQuery`; UNSET without one.

        Raises:
            Problem: 400, it is malformed.
        """
        if not self.extensions or "persistedQuery" not in self.extensions:
            return UNSET
        extension = self.extensions["persistedQuery"]
        return _decoded(lambda: msgspec.convert(extension, PersistedQuery))


def media_types(accept: str | None) -> list[Media]:
    """The media types that a client takes, the preferred one first; none when it takes none of ours."""
    ranked: list[tuple[float, Media]] = []
    for element, quality in parse_accept(accept or "*/*"):
        name = element.partition(";")[0]
        media = RANGES.get(name) or (Media(name) if name in set(Media) else None)
        if media is not None and quality > 0:
            ranked.append((quality, media))
    return list(dict.fromkeys(media for _, media in sorted(ranked, key=lambda pair: -pair[0])))


def read_query(query: Mapping[str, Any]) -> GraphRequest:
    """The parameters of a GET.

    Raises:
        Problem: 400, they are malformed.
    """
    members: dict[str, Any] = {name: values[-1] for name, values in query.items() if name in NAMES}
    for name in ("variables", "extensions"):
        if name in members:
            if is_nested_too_deeply(members[name].encode()):
                raise Problem(400, "graphql-request-invalid", f"The {name} are nested too deeply.")
            members[name] = _decoded(partial(msgspec.json.decode, members[name]))
    return _decoded(lambda: msgspec.convert(members, GraphRequest))


def read_body(request: PageRequest, content: bytes) -> GraphRequest:
    """The parameters of a POST.

    Raises:
        Problem: 400, they are malformed; 415, they are not JSON.
    """
    if not is_json(request.header("content-type") or ""):
        accept = {"Accept": Media.JSON.value}
        raise Problem(415, "media-type-unsupported", "The body has to be application/json.", headers=accept)
    if is_nested_too_deeply(content):
        raise Problem(400, "graphql-request-invalid", "The body is nested too deeply.")
    return _decoded(lambda: msgspec.json.decode(content, type=GraphRequest))


NAMES: Final = frozenset({"query", "documentId", "operationName", "variables", "extensions"})


def _decoded(decode: Callable[[], Decoded]) -> Decoded:
    try:
        return decode()
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Problem(
            400, "graphql-request-invalid", f"These are no parameters of GraphQL over HTTP: {error}"
        ) from error
