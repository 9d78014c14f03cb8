"""Errors in GraphQL's form: what a problem says, in `extensions`, and nothing of the inside.

| extension | is |
|---|---|
| `code` | the problem's kind, such as `upstream-timeout` or `product-unknown` |
| `status` | its HTTP status, as a page would respond with |
| `type` | its type, a URI |
| `retryAfter` | its `Retry-After`, where it has one |
"""

import logging
from collections.abc import Iterable
from typing import Any, Final

from graphql import GraphQLError

from frontispiece.http.problems import TYPE_PREFIX, Problem, internal

log = logging.getLogger(__name__)

INVALID: Final = "graphql-invalid"
"""The code of a document or of variables that do not fit the schema."""


class Refused(Exception):
    """An operation is not carried out."""

    def __init__(self, *refusals: GraphQLError) -> None:
        super().__init__("; ".join(error.message for error in refusals))
        self._refusals = refusals

    @property
    def formatted(self) -> list[Any]:
        """The errors as the client gets them."""
        return [error.formatted for error in masked(self._refusals, None)]

    @property
    def messages(self) -> list[str]:
        """The messages of the errors."""
        return [error.message for error in self._refusals]


def of_problem(problem: Problem) -> GraphQLError:
    """A problem as an error of GraphQL."""
    extensions: dict[str, Any] = {
        **problem.members,
        "code": problem.type.removeprefix(TYPE_PREFIX),
        "status": problem.status,
        "type": problem.type,
    }
    if retry_after := problem.headers.get("Retry-After"):
        extensions["retryAfter"] = retry_after
    return GraphQLError(problem.detail or problem.title, extensions=extensions)


def refusal(message: str, code: str = INVALID, **about: Any) -> GraphQLError:
    """The error of an operation that is not carried out."""
    return GraphQLError(message, extensions={"code": code, "status": 400, **about})


def excess(name: str, value: float, limit: int) -> GraphQLError:
    """The error of an operation that demands more than a limit."""
    return refusal(
        f"The operation demands too much: its {name} would be {value:g}, and may be {limit}.",
        "demand-exceeded",
        limit={"name": name, "value": value, "max": limit},
    )


def masked(errors: Iterable[GraphQLError], request_id: str | None) -> list[GraphQLError]:
    """Errors for the client. One that is neither a problem nor about the request is a bug: it is masked."""
    return [_masked(error, request_id) for error in errors]


def _masked(error: GraphQLError, request_id: str | None) -> GraphQLError:
    if error.extensions and "code" in error.extensions:
        return error
    if error.path is None and (
        error.original_error is None or isinstance(error.original_error, GraphQLError)
    ):
        extensions = {"code": INVALID, "status": 400}
        return GraphQLError(error.message, error.nodes, positions=error.positions, extensions=extensions)
    log.error("A field failed: %s", error, exc_info=error.original_error or error)
    problem = of_problem(internal(request_id))
    return GraphQLError(problem.message, error.nodes, path=error.path, extensions=problem.extensions)
