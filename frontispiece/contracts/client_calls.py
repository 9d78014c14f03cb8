"""How often each version of a client has called, as the gateway's admin port counts."""

from collections import Counter
from typing import Final

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from frontispiece.errors import ConfigError

PATH: Final = "/client-usage"
TIMEOUT: Final = 30.0
"""Seconds for the request."""


class _Calls(BaseModel):
    client: str
    version: str
    calls: int


_COUNTS: Final = TypeAdapter(list[_Calls])


def calls_by_version(admin: str, token: str, days: int) -> Counter[str]:
    """Calls of the last days, by versions such as `web 1.0.0`.

    Args:
        admin: the URL of the gateway's admin port.
        token: its token; empty without one.
        days: today and those before.

    Raises:
        ConfigError: the gateway does not say.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{admin.rstrip('/')}{PATH}"
    try:
        answer = httpx.get(url, params={"days": days}, headers=headers, timeout=TIMEOUT)
        counts = _COUNTS.validate_json(answer.raise_for_status().content)
    except (httpx.HTTPError, httpx.InvalidURL, ValidationError) as error:
        raise ConfigError([f"{url} does not say how many calls came: {error}"]) from None
    calls: Counter[str] = Counter()
    for count in counts:
        calls[f"{count.client} {count.version}"] += count.calls
    return calls
