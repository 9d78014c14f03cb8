"""The environment that the shop's roles are set up by when it runs on one machine.

Whatever the environment says already wins: `CATALOG_DATABASE_URL=postgresql+psycopg://… make run` moves one
service to PostgreSQL and leaves the others as they are.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from front.roles import BFFS

WITH_DATABASE = ("catalog", "inventory", "discount", "reviews", "ordering")
WITH_SEED = ("catalog", "inventory", "discount", "reviews")


def environment(
    *,
    data: Path,
    public_key: str,
    http: Mapping[str, str],
    grpc: str,
    valkey_url: str,
    routes: Path,
    mounted: bool,
) -> dict[str, str]:
    """The variables of every role; their prefixes keep them apart.

    Args:
        data: the folder for databases.
        public_key: what tells a true token from a false one, in PEM.
        http: `host:port` by role.
        grpc: the address of the discount service, as gRPC writes it.
        valkey_url: where baskets are kept.
        routes: the route table.
        mounted: whether the BFFs live in the gateway's process.
    """
    addresses = {role: f"http://{where}" for role, where in http.items()}
    if mounted:
        addresses |= {role: f"app://{factory}" for role, factory in BFFS.items()}
    variables = {
        "TOKEN_PUBLIC_KEY": public_key,
        "SERVICES": json.dumps({**addresses, "discount-grpc": grpc}),
        "BASKET_VALKEY_URL": valkey_url,
        "DISCOUNT_GRPC_LISTEN": grpc,
        "BFF_EXPLAIN": "true",  # whoever runs the shop here may look inside: see `front explain`
        "GATEWAY_EXPLAIN": "true",
    }
    for role in WITH_DATABASE:
        variables[f"{role.upper()}_DATABASE_URL"] = f"sqlite+aiosqlite:///{data.resolve() / role}.db"
    for role in WITH_SEED:
        variables[f"{role.upper()}_SEED"] = "true"
    chosen = {name: os.environ.get(name, value) for name, value in variables.items()}
    return {**chosen, "GATEWAY_ROUTES": str(routes)}  # the command line has weighed its variable already
