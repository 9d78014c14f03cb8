"""Persisted operations: what clients in the field may send, by the SHA-256 of its document.

`operations.json` has them, with the versions of clients that send each. `front contracts persist` writes it
from the clients' `.graphql` files.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cachetools import LRUCache
from msgspec import UNSET

from frontispiece.errors import ConfigError
from frontispiece.graphql.errors import Refused, refusal
from frontispiece.graphql.graph import Graph
from frontispiece.graphql.request import GraphRequest, PersistedQuery
from frontispiece.http.client_version import ClientVersion
from frontispiece.http.problems import Problem

OPERATIONS: Final = "operations.json"
SCHEMA: Final = "schema.graphql"

PREFIX: Final = "sha256:"
"""The beginning of a document's id (GraphQL over HTTP, appendix on persisted documents)."""

UNKNOWN_DOCUMENT: Final = "document-unknown"

REGISTERED: Final = 1000
"""Documents that clients have registered (automatic persisted queries), those used last."""


UNPERSISTED: Final = "unpersisted"
"""The name of all operations that are not persisted, in metrics: their own names are endless."""

UNKNOWN: Final = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Persisted:
    """A persisted operation.

    Args:
        clients: the versions of clients that send it, such as `web/1.1.0`.
    """

    name: str
    document: str
    clients: tuple[str, ...]

    @property
    def id(self) -> str:
        """The id by which it is sent."""
        return id_of(self.document)

    @property
    def client_names(self) -> frozenset[str]:
        """The clients that send it, in whichever version."""
        return frozenset(version.partition("/")[0] for version in self.clients)


def id_of(document: str) -> str:
    """The id of a document: its SHA-256."""
    return PREFIX + sha256(document.encode()).hexdigest()


def load(folder: Path) -> dict[str, Persisted]:
    """The persisted operations of a folder by their ids; none where it has no file.

    Raises:
        ConfigError: the file is not what `front contracts persist` writes.
    """
    file = folder / OPERATIONS
    return parse_operations(file.read_bytes(), str(file)) if file.is_file() else {}


def parse_operations(content: bytes, place: str) -> dict[str, Persisted]:
    """The persisted operations of a file's content by their ids.

    Raises:
        ConfigError: it is not what `front contracts persist` writes.
    """
    try:
        found = {
            key: Persisted(name=each["name"], document=each["document"], clients=tuple(each["clients"]))
            for key, each in json.loads(content).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError([f"{place}: these are no persisted operations: {error!r}"]) from None
    if wrong := [key for key, each in found.items() if each.id != key]:
        raise ConfigError([f"{place}: {key} is not the id of its document" for key in wrong])
    return found


def as_json(operations: Mapping[str, Persisted]) -> str:
    """The content of `operations.json`."""
    content = {
        key: {"name": each.name, "clients": sorted(each.clients), "document": each.document}
        for key, each in sorted(operations.items(), key=lambda pair: (pair[1].name, pair[0]))
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


class KnownDocuments:
    """The texts of documents that requests may name."""

    def __init__(self, graph: Graph, *, accept_any: bool) -> None:
        self._persisted = load(graph.folder) if graph.folder else {}
        self._accepts_any = accept_any
        self._registers = accept_any and graph.automatic
        self._registered: LRUCache[str, str] = LRUCache(REGISTERED)

    def persisted(self, text: str) -> Persisted | None:
        """The persisted operation with this document; None without one."""
        return self._persisted.get(id_of(text))

    def text(self, request: GraphRequest) -> str:
        """The document that a request names or has.

        Raises:
            Refused: it is not known, or not accepted.
            Problem: 400, the request is malformed.
        """
        if request.document_id is not None:
            if found := self._persisted.get(request.document_id):
                return found.document
            raise Refused(refusal("There is no such document.", UNKNOWN_DOCUMENT))
        if (query := request.persisted_query) is not UNSET:
            return self._automatic(query, request.query)
        if not request.query:
            raise Problem(400, "graphql-request-invalid", "The request has neither query nor documentId.")
        if not self._accepts_any and id_of(request.query) not in self._persisted:
            raise Refused(refusal("Only persisted documents are accepted.", UNKNOWN_DOCUMENT))
        return request.query

    def _automatic(self, query: PersistedQuery, text: str | None) -> str:
        key = PREFIX + query.sha256_hash
        if found := self._persisted.get(key):
            return found.document
        if not self._registers:
            raise Refused(refusal("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED"))
        if text is None and key not in self._registered:
            raise Refused(refusal("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND"))
        if text is not None and id_of(text) != key:
            raise Refused(refusal("This is not the hash of the document."))
        if text is not None:
            self._registered[key] = text
        return self._registered[key]


def client_of(value: str | None, known: frozenset[str]) -> str:
    """The name of the client in `X-Client`, when it is a known one: anybody can make up others."""
    try:
        name = ClientVersion.parse(value.encode("latin-1")).name if value else UNKNOWN
    except ValueError:
        return UNKNOWN
    return name if name in known else UNKNOWN
