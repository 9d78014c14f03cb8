"""A client's own API module, run by node against pact's mock of its BFF."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.contracts import LOOPBACK, ROOT, Contract, Example, Json
from tests.support.serving import nobody_there

DRIVER: Final = Path(__file__).with_suffix(".mjs")

TOKEN: Final = "a-token"


Run = Callable[[Json], Json]
"""Has the driver call a method; returns its report."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an example's call.

    Args:
        mismatches: between the request and what the contract says of it, and how the call ended unexpectedly.
        requests: how many the call made.
        reads: the fields of the answer that the client read, by path.
        handed_on: the parts of the answer that it returned as they came.
    """

    example: Example
    requests: int
    mismatches: Sequence[str]
    reads: frozenset[str]
    handed_on: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client's API module.

    Args:
        module: its file, in the project.
        name: the class that it exports.
        prefix: the path below which the gateway has the client's BFF.
        has_session: whether the gateway knows the customer by a session; otherwise the client sends a token.
        options: further ones of the constructor.
    """

    module: str
    name: str
    prefix: str
    has_session: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        """Where it is."""
        return ROOT / self.module

    def outcomes(self, contract: Contract) -> list[Outcome]:
        """What comes of each example of a contract."""
        with self.running() as run:
            return [self._outcome(run, contract, example) for example in contract.examples]

    @contextmanager
    def running(self) -> Iterator[Run]:
        """The client's process: one for all calls. Skips the test where there is no node."""
        if shutil.which("node") is None:
            pytest.skip("there is no node: the clients' API modules need one to run outside of a browser")
        command = ["node", str(DRIVER), self.file.as_uri(), self.name]
        pipes = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipes, stdout=pipes, stderr=pipes, text=True) as node:
            try:
                yield partial(_answer, node)
            finally:
                node.kill()

    def requests(self, run: Run, call: Sequence[Any]) -> list[Json]:
        """The requests that a method makes, here of a gateway that is not there."""
        method, *arguments = call
        report = run(
            {
                "base": nobody_there(),
                "prefix": "",
                "headers": {},
                "token": None,
                "options": self.options,
                "method": method,
                "args": arguments,
            }
        )
        made: list[Json] = report["requests"]
        return made

    def _outcome(self, run: Run, contract: Contract, example: Example) -> Outcome:
        with contract.pact(example).serve(LOOPBACK, raises=False, verbose=False) as mock:
            method, *arguments = example.call
            report = run(
                {
                    "base": str(mock.url),
                    "prefix": self.prefix,
                    "headers": self._added(example),
                    "token": TOKEN if example.is_customers else None,
                    "options": self.options,
                    "method": method,
                    "args": arguments,
                }
            )
            mismatches = [] if mock.matched else [str(each) for each in mock.mismatches]
        return Outcome(
            example=example,
            mismatches=[*mismatches, *_unexpected(example, report.get("error"))],
            requests=len(report["requests"]),
            reads=frozenset(report["reads"]),
            handed_on=frozenset(report.get("handedOn", ())),
        )

    def _added(self, example: Example) -> dict[str, str]:
        """What the gateway adds to a request of a session."""
        return {"Authorization": f"Bearer {TOKEN}"} if self.has_session and example.is_customers else {}


def _answer(node: subprocess.Popen[str], call: Json) -> Json:
    assert node.stdin
    assert node.stdout
    assert node.stderr
    node.stdin.write(json.dumps(call) + "\n")
    node.stdin.flush()
    line = node.stdout.readline()
    assert line, f"node has ended: {node.stderr.read()}"
    report: Json = json.loads(line)
    return report


def _unexpected(example: Example, error: Mapping[str, Any] | None) -> Iterator[str]:
    """How a call ended otherwise than with the example's status."""
    if example.status < 400 and error is not None:
        yield f"{example}: it failed: {error}"
    if example.status >= 400 and (error is None or error["status"] != example.status):
        yield f"{example}: no error of status {example.status}, but {error}"


def named(content: Any, path: str = "") -> Iterator[str]:
    """Every field that a contract's example of an answer names, also in the data of server-sent events."""
    if not path and isinstance(content, str):
        content = next(json.loads(data) for data in re.findall(r"^data: (.*)$", content, re.MULTILINE))
    if isinstance(content, list):
        for item in content:
            yield from named(item, f"{path}[]")
    elif isinstance(content, dict) and not is_whole(content):
        for name, value in content.items():
            member = f"{path}.{name}".removeprefix(".")
            yield member
            yield from named(value, member)


def whole(content: Any, path: str = "") -> Iterator[str]:
    """Every part of it without fields of its own: lists of plain values, and objects whose names are data."""
    if is_whole(content):
        yield path
    elif isinstance(content, list):
        for item in content:
            yield from whole(item, f"{path}[]")
    elif isinstance(content, dict):
        for name, value in content.items():
            yield from whole(value, f"{path}.{name}".removeprefix("."))


def is_whole(content: Any) -> bool:
    """Whether a value may be handed on as it came."""
    if isinstance(content, list):
        return not any(isinstance(item, (dict, list)) for item in content)
    return isinstance(content, dict) and not any(map(str.isidentifier, content))
