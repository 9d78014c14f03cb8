"""Having a running gateway reload its route table."""

import httpx

from frontispiece.gateway.admin import AdminSettings
from frontispiece.http.loopback import is_loopback

TIMEOUT = 30.0
"""Seconds to read the table and connect to its services."""

OUTCOMES = {"done": "the table is served as it is now", "unchanged": "this table is in force already"}


class NotReloaded(Exception):
    """A gateway keeps its current table; the message says why."""


def reload(admin: str, workers: int, token: str | None = None) -> dict[str, str]:
    """Reload every worker; gives the outcome of each by its address.

    Args:
        admin: `host:port` of the first one's admin port.
        workers: how many; their ports follow each other.
        token: that they need; that of the settings when left out.

    Raises:
        ConfigError: the address is invalid.
        NotReloaded: one of them rejects the table, or gives no answer.
    """
    settings = AdminSettings(admin=admin) if token is None else AdminSettings(admin=admin, admin_token=token)
    if settings.address is None:
        raise NotReloaded("The gateway has no admin port: GATEWAY_ADMIN says where it is.")
    host, first = settings.address
    addresses = [f"{host}:{port}" for port in range(first, first + workers)]
    return {where: _reload(where, settings.admin_token) for where in addresses}


def _reload(where: str, token: str) -> str:
    url = f"http://{where}/admin/reload"
    headers = {"X-CSRF": "1", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        response = httpx.post(url, headers=headers, timeout=TIMEOUT, trust_env=not is_loopback(url))
        body = response.json()
    except (httpx.TransportError, httpx.InvalidURL, ValueError) as fault:
        hint = "Does the gateway run, with an admin port there (GATEWAY_ADMIN)?"
        raise NotReloaded(f"{where} gives no answer ({fault}). {hint}") from None
    if not response.is_success:
        raise NotReloaded("\n".join([f"{where}: {body.get('detail')}", *body.get("errors", ())]))
    return OUTCOMES[body["outcome"]]
