"""Requests to the admin port of a running gateway."""

from pathlib import Path
from typing import Any

import httpx
import msgspec

from frontispiece.cli.project import find
from frontispiece.cli.run import secrets
from frontispiece.cli.run.admin_port import DEFAULT_PORT
from frontispiece.cli.run.data_folder import run_addresses
from frontispiece.cli.run.secrets import ADMIN_TOKEN
from frontispiece.cli.terminal import data_folder
from frontispiece.errors import ConfigError, UserError
from frontispiece.gateway.admin import AdminSettings
from frontispiece.http.loopback import is_loopback
from frontispiece.server.sockets import LOOPBACK
from frontispiece.settings import value_of

TIMEOUT = 30.0
"""Seconds to read a table and connect to its services."""

OUTCOMES = {"done": "the table is served as it is now", "unchanged": "this table is in force already"}


def find_address(named: str | None, project: Path | None, data: Path | None) -> tuple[str, str]:
    """The admin port that an option names, or else that of the project's run, and its token.

    Raises:
        ConfigError: none is named, and there is no project, or its run has crashed.
    """
    try:
        own = address_of(data_folder(find(project), data))
    except ConfigError:
        if named is None:
            raise
        return named, value_of(ADMIN_TOKEN)
    if named and named.removeprefix("http://").rstrip("/") != own[0]:
        return named, value_of(ADMIN_TOKEN)
    return own


def address_of(data: Path) -> tuple[str, str]:
    """`host:port` of the admin port of the run with this data folder, or the default, and its token.

    Raises:
        ConfigError: that run has crashed.
    """
    run = run_addresses(data)
    if run is None or run.admin is None:
        return f"{LOOPBACK}:{DEFAULT_PORT}", value_of(ADMIN_TOKEN)
    stored = msgspec.json.decode((data / secrets.FILE).read_bytes(), type=dict[str, str])
    return run.admin, value_of(ADMIN_TOKEN) or stored[ADMIN_TOKEN]


def request(method: str, where: str, token: str, path: str) -> Any:
    """The JSON response of the admin port at `host:port`, or at a URL.

    Raises:
        UserError: it gives no answer, or refuses.
    """
    url = f"{where.rstrip('/') if '://' in where else f'http://{where}'}{path}"
    headers = {"X-CSRF": "1", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        response = httpx.request(
            method, url, headers=headers, timeout=TIMEOUT, trust_env=not is_loopback(url)
        )
        body = response.json()
    except (httpx.TransportError, httpx.InvalidURL, ValueError) as fault:
        hint = "Does the gateway run, with an admin port there (GATEWAY_ADMIN)?"
        raise UserError(f"{where} gives no answer ({fault}). {hint}") from None
    if not response.is_success:
        detail = body.get("detail") or f"it answers {response.status_code}"
        raise UserError("\n".join([f"{where}: {detail}", *body.get("errors", ())]))
    return body


def reload(admin: str, workers: int, token: str = "") -> dict[str, str]:
    """Reload every worker, the first at `host:port` or at a URL; gives the outcome of each by its address.

    Raises:
        ConfigError: the address is invalid.
        UserError: one of them rejects the table, or gives no answer.
    """
    scheme, separator, place = admin.rstrip("/").rpartition("://")
    settings = AdminSettings(admin=place, admin_token=token or value_of(ADMIN_TOKEN))
    if settings.address is None:
        raise UserError("The gateway has no admin port: GATEWAY_ADMIN says where it is.")
    host, first = settings.address
    addresses = [f"{scheme}{separator}{host}:{port}" for port in range(first, first + workers)]
    return {
        where: OUTCOMES[request("POST", where, settings.admin_token, "/admin/reload")["outcome"]]
        for where in addresses
    }
