"""Asking a running gateway to serve its route table as it is now."""

import httpx

from gateway.admin import AdminSettings

PATIENCE = 30.0
"""Seconds for a table to be read and its services to be opened."""

SAID = {"done": "the table is served as it is now", "unchanged": "the table is what it was"}


class NotReloaded(Exception):
    """A gateway goes on with the table that it has; the message says why."""


def reload(admin: str, workers: int) -> dict[str, str]:
    """Ask every worker; what each has answered, by its address.

    Raises:
        Faulty: this is no address.
        NotReloaded: one of them cannot serve the table, or gives no answer.
    """
    address = AdminSettings(admin=admin).address
    if address is None:
        raise NotReloaded("The gateway has no admin port: GATEWAY_ADMIN says where it is.")
    host, first = address
    return {f"{host}:{port}": _reload(f"{host}:{port}") for port in range(first, first + workers)}


def _reload(where: str) -> str:
    try:
        answer = httpx.post(f"http://{where}/admin/reload", headers={"X-CSRF": "1"}, timeout=PATIENCE)
        said = answer.json()
    except (httpx.TransportError, ValueError) as fault:
        raise NotReloaded(
            f"{where} gives no answer ({fault}). Does the gateway run with GATEWAY_ADMIN?"
        ) from None
    if not answer.is_success:
        raise NotReloaded("\n".join([f"{where}: {said.get('detail')}", *said.get("faults", ())]))
    return SAID[said["outcome"]]
