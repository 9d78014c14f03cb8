"""The services of docs/internal-tokens.md, in Python and in Node, accept the tokens that they should."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from frontispiece.security import Identity, Signer, issuers, new_signing_key, private_key
from tests.conftest import AppClient
from tests.support.serving import free_ports
from tests.support.shop import ROOT
from tests.support.waiting import eventually

CODE = dict(re.findall(r"```(\w+)\n(.*?)```", (ROOT / "docs" / "internal-tokens.md").read_text(), re.DOTALL))
KEYS = {name: new_signing_key() for name in ("gateway", "listed", "web", "elsewhere")}
GRANTS: dict[str, dict[str, Any]] = {
    "web": {"scopes": ["shop"], "users": ["reader"], "guests": False},
    "elsewhere": {"audiences": ["press"]},
}
READER = Identity(subject="reader", scopes=frozenset({"read", "shop"}))
OTHER = Identity(subject="other", scopes=frozenset())
GUEST = Identity(subject="guest:1", scopes=frozenset({"guest"}))


def trusted() -> str:
    """The value of `TOKEN_ISSUERS`."""
    keys = issuers((name, private_key(key)) for name, key in KEYS.items())
    return json.dumps(
        {
            name: each if name == "listed" else {"keys": each, **GRANTS.get(name, {})}
            for name, each in keys.items()
        }
    )


def token(issuer: str, caller: Identity, audience: str, *, key: str = "", age: float = 0) -> str:
    signer = Signer(key or KEYS[issuer], issuer, lambda: time.time() - age)
    return signer.authorization(caller, audience).decode()


async def verify_callers(http: httpx.AsyncClient, service: str) -> None:
    """Call the service with tokens that it accepts, and with others."""
    accepted = {
        token("gateway", READER, service): {"user": "reader", "scopes": ["read", "shop"]},
        token("gateway", GUEST, service): {"user": "guest:1", "scopes": ["guest"]},
        token("listed", READER, service): {"user": "reader", "scopes": ["read", "shop"]},
        token("web", READER, service): {"user": "reader", "scopes": ["shop"]},
    }
    refused = {
        "no token": "",
        "no JWT": "Bearer a.b.c",
        "another service": token("gateway", READER, "press"),
        "expired": token("gateway", READER, service, age=120),
        "another's key": token("gateway", READER, service, key=KEYS["web"]),
        "an unknown issuer": token("nobody", READER, service, key=KEYS["web"]),
        "no user of its": token("web", OTHER, service),
        "no guests": token("web", GUEST, service),
        "no service of its": token("elsewhere", READER, service),
    }
    for authorization, caller in accepted.items():
        response = await http.get("/mine", headers={"Authorization": authorization})
        assert response.json() == caller
    for case, authorization in refused.items():
        response = await http.get("/mine", headers={"Authorization": authorization} if authorization else {})
        assert (case, response.status_code) == (case, 401)


async def test_the_service_in_python_verifies_its_callers(
    app_client: AppClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_ISSUERS", trusted())
    module = ModuleType("shelves")
    exec(compile(CODE["python"], "docs/internal-tokens.md", "exec"), vars(module))  # noqa: S102 (the documentation is ours)

    async with app_client(module.create_app()) as http:
        await verify_callers(http, "shelves")


@pytest.fixture
def stars(tmp_path: Path) -> Iterator[str]:
    """The URL of the service in Node."""
    (tmp_path / "stars.mjs").write_text(CODE["js"])
    port = str(free_ports())
    variables = {"HOST": "127.0.0.1", "PORT": port, "TOKEN_ISSUERS": trusted()}
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        try:
            return httpx.get(f"{url}/health/ready").is_success
        except httpx.ConnectError:
            return False

    with subprocess.Popen(["node", "stars.mjs"], cwd=tmp_path, env={**os.environ, **variables}) as node:
        try:
            assert eventually(is_ready)
            yield url
        finally:
            node.kill()


@pytest.mark.skipif(shutil.which("node") is None, reason="the service is in Node")
async def test_the_service_in_node_verifies_its_callers(stars: str) -> None:
    async with httpx.AsyncClient(base_url=stars) as http:
        await verify_callers(http, "stars")
