"""Cursor pagination: a cursor is opaque to clients and holds the sort key of the last item sent."""

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel

from kit.problems import Problem

Item = TypeVar("Item")
Key = TypeVar("Key")

Limit = Annotated[int, Query(ge=1, le=100, description="Most items in one answer.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the answer before.")]


class Slice(BaseModel, Generic[Item]):
    """Some items of a longer list, and the cursor of the items after them (`null` at the end)."""

    items: list[Item]
    next: str | None = None


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
