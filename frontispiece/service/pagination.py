"""Cursor pagination: a cursor is opaque to clients and holds the sort key of the last item sent."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel

from frontispiece.http.problems import Problem

Item = TypeVar("Item")
Key = TypeVar("Key")
Row = TypeVar("Row")

Limit = Annotated[int, Query(ge=1, le=100, description="The maximum of items in one response.")]
"""How many items a list returns at a time: the query parameter `limit`."""

Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the previous response.")]
"""Where a list goes on: the query parameter `cursor`."""


class Slice(BaseModel, Generic[Item]):
    """A part of a longer list, and the cursor of the items after them (`null` at the end)."""

    items: list[Item]
    next: str | None = None


def slice_of(
    found: Sequence[Row],
    limit: int,
    *,
    body: Callable[[Row], Item],
    sort_key: Callable[[Row], tuple[Any, ...]],
) -> Slice[Item]:
    """The first `limit` of the rows that were found; one row more says that there are items after them."""
    page = found[:limit]
    following = encode_cursor(*sort_key(page[-1])) if len(found) > limit else None
    return Slice(items=[body(row) for row in page], next=following)


def encode_cursor(*key: Any) -> str:
    """The cursor for the items after the one with this sort key (JSON values)."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, key: type[Key]) -> Key:
    """The sort key in a cursor; `key` is its type, such as `tuple[int, str]`.

    Raises:
        Problem: 422 `cursor-invalid` when this is no cursor of ours.
    """
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=key)
    except (binascii.Error, ValueError):
        raise Problem(422, "cursor-invalid", "The cursor is not one that this list gave out.") from None
