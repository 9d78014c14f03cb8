"""Having a running gateway reload its route table."""

from frontispiece.cli.client.admin import AdminFailed, request
from frontispiece.gateway.admin import AdminSettings

OUTCOMES = {"done": "the table is served as it is now", "unchanged": "this table is in force already"}


def reload(admin: str, workers: int, token: str | None = None) -> dict[str, str]:
    """Reload every worker; gives the outcome of each by its address.

    Args:
        admin: `host:port` of the first one's admin port.
        workers: how many; their ports follow each other.
        token: that they need; that of the settings when left out.

    Raises:
        ConfigError: the address is invalid.
        AdminFailed: one of them rejects the table, or gives no answer.
    """
    settings = AdminSettings(admin=admin) if token is None else AdminSettings(admin=admin, admin_token=token)
    if settings.address is None:
        raise AdminFailed("The gateway has no admin port: GATEWAY_ADMIN says where it is.")
    host, first = settings.address
    addresses = [f"{host}:{port}" for port in range(first, first + workers)]
    return {
        where: OUTCOMES[request("POST", where, settings.admin_token, "/admin/reload")["outcome"]]
        for where in addresses
    }
