"""Entity tags of versioned resources: conditional reads and writes (RFC 9110, 13)."""

from typing import Annotated, overload

from fastapi import Depends, Header, Request, Response

from frontispiece.http.etags import matches, matches_strongly
from frontispiece.http.problems import Problem


def etag(version: int) -> str:
    """The entity tag of a resource's version."""
    return f'"{version}"'


class NotModified(Exception):
    """The caller has this version already; becomes a 304."""


def set_etag(request: Request, response: Response, version: int) -> None:
    """Set the `ETag` header to this version.

    Raises:
        NotModified: the request's `If-None-Match` names this version.
    """
    tag = etag(version)
    if matches(", ".join(request.headers.getlist("if-none-match")), tag):
        raise NotModified(tag)
    response.headers["ETag"] = tag


async def _if_match(request: Request, if_match: Annotated[str | None, Header()] = None) -> str | None:
    return None if if_match is None else ", ".join(request.headers.getlist("if-match"))


IfMatch = Annotated[str | None, Depends(_if_match)]
"""The header `If-Match`, None without it; several lines are one list (RFC 9110, 5.3)."""


@overload
def expected_version(if_match: str | None, current: int) -> int: ...


@overload
def expected_version(if_match: str | None, current: int | None) -> int | None: ...


def expected_version(if_match: str | None, current: int | None) -> int | None:
    """The version that a write replaces, by its `If-Match` header (RFC 9110, 13.1.1): the current one.

    Args:
        if_match: the header, as `IfMatch` has it.
        current: the resource's version, None when there is no such resource.

    Returns:
        None when a new resource is written.

    Raises:
        Problem: 428 without the header when the resource exists, 412 when the header does not match.
    """
    if if_match is None:
        if current is None:
            return None
        raise Problem(428, "if-match-missing", "Say with If-Match which version you change.")
    if current is None or not matches_strongly(if_match, etag(current)):
        raise Problem(412, "version-outdated", "If-Match does not name the current version of this resource.")
    return current
