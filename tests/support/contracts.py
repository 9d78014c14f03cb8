"""Contracts: what a released client relies on, made from examples, kept in files, checked by pact."""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pact import Pact
from pact import match as matchers

from frontispiece.graphql.persisted import load
from frontispiece.http.problems import MEDIA_TYPE, TYPE_PREFIX

ROOT: Final = Path(__file__).parents[2]
CONTRACTS: Final = ROOT / "contracts"
LOOPBACK: Final = "127.0.0.1"
LOGGED_IN: Final = "a customer is logged in"
BEARER: Final[Mapping[str, Any]] = {"Authorization": matchers.regex("Bearer a-token", regex=r"^Bearer \S+$")}
"""What a request has for a customer who is logged in."""

Json = dict[str, Any]


def problem(kind: str) -> Json:
    """What a client reads of a problem of this kind."""
    return {"type": Exactly(TYPE_PREFIX + kind), "title": matchers.str("What is wrong")}


def operation(name: str, **variables: str) -> dict[str, str]:
    """The query of a request for an operation that the web client has persisted."""
    known = load(CONTRACTS / "graphql" / "bff-web").items()
    document = next(key for key, each in known if each.name == name)
    return {"documentId": document, "variables": json.dumps(variables, separators=(",", ":"))}


@dataclass(frozen=True)
class Exactly:
    """A JSON value that an answer must hold as it is."""

    value: Any


@dataclass(frozen=True)
class ServerEvent:
    """A server-sent event whose data is JSON with these members, texts in this order, among others."""

    data: Mapping[str, Any]
    name: str = "confirmed"

    @property
    def text(self) -> str:
        """An example of it."""
        return f"id: 3\nevent: {self.name}\ndata: {json.dumps(self.data)}\n\n"

    @property
    def rules(self) -> Json:
        """Pact's rule for a stream in which it is one of the events."""
        matcher = {"match": "regex", "regex": rf"[\s\S]*data: {_pattern(self.data)}\n\n[\s\S]*"}
        return {"body": {"$": {"combine": "AND", "matchers": [matcher]}}}


def _pattern(value: Any) -> str:
    """What a text or an object on one line looks like."""
    if not isinstance(value, Mapping):
        return r'"[^"\n]+"'
    members = "".join(rf'[^\n]*"{name}":\s?{_pattern(member)}' for name, member in value.items())
    return rf"\{{{members}[^\n]*\}}"


MATCHERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    str: matchers.str,
    int: matchers.int,
    float: matchers.number,
    Exactly: lambda exactly: exactly.value,
}


def like(value: Any) -> Any:
    """Matchers for a JSON value, by its type: a list stands for one or more items like its first."""
    if isinstance(value, dict):
        return {name: like(member) for name, member in value.items()}
    if isinstance(value, list) and value:
        return matchers.each_like(like(value[0]))
    return MATCHERS.get(type(value), lambda as_it_is: as_it_is)(value)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A request of a client and what the client reads of the answer.

    Args:
        name: which answer it is, in words.
        call: the method of the client's API module that makes the request, and its arguments.
        given: what must be so at the provider before.
        path: without the query.
        body: of the request, in JSON; None for none.
        headers: besides those that the client sends with every request.
        answer: every member that the client reads, as pact's matchers or literally; or an event.
        answer_headers: every header of the answer that the client reads.
    """

    name: str
    call: tuple[Any, ...] = ()
    given: tuple[str, ...] = ()
    method: str = "GET"
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Json | None = None
    status: int = 200
    answer: Json | ServerEvent
    answer_headers: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def is_customers(self) -> bool:
        """Whether a customer who is logged in makes the request."""
        return LOGGED_IN in self.given

    @property
    def is_operation(self) -> bool:
        """Whether it is a persisted operation of GraphQL."""
        return self.path == "/graphql"

    def add_to(self, pact: Pact, headers: Mapping[str, Any], customer: Mapping[str, Any]) -> None:
        """Tell pact of this example; the client sends these headers with every request, and a customer's."""
        interaction = pact.upon_receiving(self.name)
        for state in self.given:
            interaction.given(state)
        interaction.with_request(self.method, self.path)
        interaction.with_query_parameters({name: _literally(value) for name, value in self.query.items()})
        of_customer = customer if self.is_customers else {}
        for name, value in {**headers, **of_customer, **self.headers}.items():
            interaction.with_header(name, value)
        if self.body is not None:
            interaction.with_body(self.body, "application/json")
        interaction.will_respond_with(self.status)
        for name, value in self.answer_headers.items():
            interaction.with_header(name, value)
        if isinstance(self.answer, ServerEvent):
            interaction.with_body(self.answer.text, "text/event-stream")
            interaction.with_matching_rules(self.answer.rules)
        else:
            interaction.with_body(self.answer, "application/json" if self.status < 400 else MEDIA_TYPE)


def _literally(value: str) -> Any:
    """A value of a query: pact takes JSON for a matcher of its own."""
    return matchers.regex(value, regex=f"^{re.escape(value)}$") if value.startswith("{") else value


def requests(line: str, call: str, *usual: Any, **common: Any) -> Callable[..., Example]:
    """Makes examples of one call of the client's API module.

    `basket = requests("GET /basket", "basket")`, then `basket("the empty basket", {"lines": []}, LOGGED_IN)`;
    `sent` is the body of the request and the first argument of the call.
    """
    method, path = line.split()

    def example(
        name: str,
        answer: Json | ServerEvent,
        *given: str,
        sent: Json | None = None,
        arguments: tuple[Any, ...] = usual,
        **more: Any,
    ) -> Example:
        read = answer if isinstance(answer, ServerEvent) else like(answer)
        if sent is not None:
            arguments, more = (sent, *arguments), {"body": sent, **more}
        of = {"call": (call, *arguments), **common, **more}
        return Example(name=name, method=method, path=path, answer=read, given=given, **of)

    return example


@dataclass(frozen=True, kw_only=True)
class Contract:
    """All that one version of a client relies on.

    Args:
        headers: what it sends with every request.
        customer: what it sends, besides, for a customer who is logged in.
    """

    client: str
    version: str
    provider: str
    headers: Mapping[str, Any]
    customer: Mapping[str, Any] = field(default_factory=lambda: BEARER)
    examples: tuple[Example, ...]

    def __str__(self) -> str:
        return self.client

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return CONTRACTS / self.client / f"{self.version}.json"

    def text(self, folder: Path) -> str:
        """The contract as its file says it, the same in every run; `folder` is for pact to write to."""
        document = _written(self.pact(*self.examples), folder)
        del document["metadata"]["pactRust"]  # versions of tools, on which no client relies
        return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def pact(self, *examples: Example) -> Pact:
        """Some examples, for pact."""
        pact = Pact(self.client, self.provider)
        for example in examples:
            example.add_to(pact, self.headers, self.customer)
        return pact


def is_kept(contract: Contract, folder: Path) -> bool:
    """Whether the contract's file says what the client's examples say; `make contracts` makes it so."""
    return is_written(contract.file, contract.text(folder))


def is_written(file: Path, text: str) -> bool:
    """Whether a file of contracts has this text; `make contracts` writes it."""
    if os.environ.get("CONTRACTS") == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return file.is_file() and file.read_text(encoding="utf-8") == text


def _written(pact: Pact, folder: Path) -> Json:
    pact.write_file(folder, overwrite=True)
    document: Json = json.loads((folder / f"{pact.consumer}-{pact.provider}.json").read_text("utf-8"))
    return document
