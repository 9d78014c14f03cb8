"""The environment that the shop's roles are set up by when it runs on one machine.

Whatever the environment says already wins: `CATALOG_DATABASE_URL=postgresql+psycopg://… make run` moves one
service to PostgreSQL and leaves the others as they are.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from front.roles import BFFS, GATEWAY
from front.secrets import Secrets
from kit.keys import issuers, private_key

WITH_DATABASE = ("identity", "catalog", "inventory", "discount", "reviews", "ordering")
WITH_SEED = ("identity", "catalog", "inventory", "discount", "reviews")

SESSIONS_DB = 1
"""The database of sessions in the embedded Valkey: baskets are in 0."""

IDENTITY_PATH, SESSION_PATH = "/identity", "/web/session"
"""Where `routes.toml` has the identity service and the token handler."""

PHONE_REDIRECT = "com.frontispiece.shop:/callback"
"""Where a phone's browser goes after a login: back to the app (RFC 8252, 7.1)."""


def environment(
    *,
    data: Path,
    secrets: Secrets,
    http: Mapping[str, str],
    grpc: str,
    valkey_url: str,
    routes: Path,
    mounted: bool,
) -> dict[str, str]:
    """The variables of every role; their prefixes keep them apart.

    Args:
        data: the folder for databases.
        secrets: what the roles know that nobody else does.
        http: `host:port` by role.
        grpc: the address of the discount service, as gRPC writes it.
        valkey_url: where baskets are kept, and sessions in a database of their own.
        routes: the route table.
        mounted: whether the BFFs live in the gateway's process.
    """
    addresses = {role: f"http://{where}" for role, where in http.items()}
    if mounted:
        addresses |= {role: f"app://{factory}" for role, factory in BFFS.items()}
    origin = f"http://{http[GATEWAY]}"
    variables = {
        **_identities(secrets, origin, addresses["identity"]),
        "SERVICES": json.dumps({**addresses, "discount-grpc": grpc}),
        "BASKET_VALKEY_URL": valkey_url,
        "SESSION_VALKEY_URL": f"{valkey_url}?db={SESSIONS_DB}",
        "DISCOUNT_GRPC_LISTEN": grpc,
        "BFF_EXPLAIN": "true",  # whoever runs the shop here may look inside: see `front explain`
        "GATEWAY_EXPLAIN": "true",
        "GATEWAY_STOP_NOTICE": "0",  # nobody stands in front who would have to hear of it
        "GATEWAY_STOPS_WITHIN": "2",
    }
    for role in WITH_DATABASE:
        variables[f"{role.upper()}_DATABASE_URL"] = f"sqlite+aiosqlite:///{data.resolve() / role}.db"
    for role in WITH_SEED:
        variables[f"{role.upper()}_SEED"] = "true"
    chosen = {name: os.environ.get(name, value) for name, value in variables.items()}
    return {**chosen, "GATEWAY_ROUTES": str(routes)}  # the command line has weighed its variable already


def _identities(secrets: Secrets, origin: str, identity: str) -> dict[str, str]:
    """Who proves what to whom: users to identity, identity to the gateway, callers to services."""
    issuer = f"{origin}{IDENTITY_PATH}"
    signing = secrets.signing_keys
    holders = {"gateway": "gateway", "bff-web": "bff", "bff-mobile": "bff", "ordering": "ordering"}
    believed = issuers((name, private_key(signing[key])) for name, key in holders.items())
    logout = {"backchannel_logout_uri": f"{origin}{SESSION_PATH}/backchannel-logout"}
    clients = {
        "web": {
            "secret": secrets.client_secret,
            "redirect_uris": [f"{origin}{SESSION_PATH}/callback"],
            "post_logout_redirect_uris": [f"{origin}/"],
            **logout,
        },
        "mobile": {"redirect_uris": [PHONE_REDIRECT], **logout},
    }
    return {
        "TOKEN_ISSUERS": json.dumps(believed),
        **{f"{name.upper()}_SIGNING_KEY": key for name, key in signing.items()},
        "ISSUER_URL": issuer,
        "ISSUER_VIA": identity,
        "SESSION_ORIGIN": origin,
        "SESSION_KEYS": json.dumps([secrets.session_key]),
        "SESSION_CLIENT_SECRET": secrets.client_secret,
        "IDENTITY_ISSUER": issuer,
        "IDENTITY_CLIENTS": json.dumps(clients),
        "IDENTITY_SEALING_KEYS": json.dumps([secrets.identity_key]),
    }
