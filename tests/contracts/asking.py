"""How the clients ask their backends."""

from typing import Any, TypeVar

import httpx
import msgspec
from msgspec import Struct

Read = TypeVar("Read")


class Shortage(Struct, frozen=True):
    """Of an article that was ordered there are only so many pieces."""

    sku: str
    available: int


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why there is no answer: `type` tells programs, `title` people."""

    type: str
    title: str
    lines: list[Shortage] = []


def ask(
    kind: type[Read],
    method: str,
    url: str,
    *,
    token: str | None = None,
    headers: dict[str, str] | None = None,
    **request: Any,
) -> Read | Problem:
    """The answer, or the problem; `request` is passed on to httpx."""
    sent = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
    answer = httpx.request(method, url, headers=sent, trust_env=False, timeout=60, **request)
    if answer.is_success:
        return msgspec.json.decode(answer.content, type=kind)
    return msgspec.json.decode(answer.content, type=Problem)
