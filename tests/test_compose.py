"""compose.yaml: what it promises about every container, and whether each role could start from it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from frontispiece.cli.run.secrets import generate, require
from frontispiece.factories import create
from frontispiece.security import new_key
from frontispiece.server import GATEWAY
from tests.support.shop import PROJECT
from tests.support.variables import ROLES, variables

ROOT = Path(__file__).parents[1]

KEY = new_key()
PEM = generate(PROJECT)["GATEWAY_SIGNING_KEY"]
DATABASE = "postgresql+psycopg://role:secret@postgres/database"
STAND_INS = {
    "token_issuers": json.dumps({"gateway": ["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]}),
    "basket_valkey_url": "valkey://basket:secret@valkey:6379/0",
    "session_valkey_url": "valkey://gateway:secret@session-valkey:6379/0",
    "gateway_valkey_url": "valkey://gateway:secret@session-valkey:6379/0",
    "events_url": "nats://shop:secret@nats:4222",
    "registry_url": "nats://registry-role:secret@nats:4222",
    "session_encryption_keys": json.dumps([KEY]),
    "session_client_secret": "a" * 32,
    "identity_encryption_keys": json.dumps([KEY]),
    "identity_clients": json.dumps({"web": {"redirect_uris": ["https://shop.example/web/session/callback"]}}),
    "gateway_signing_key": PEM,
    "bff_signing_key": PEM,
    "ordering_signing_key": PEM,
    "ordering_shards": json.dumps({"0": {"database_url": DATABASE, "read_database_url": DATABASE}}),
    "payment_signing_key": PEM,
    "recommendation_signing_key": PEM,
    "sales_signing_key": PEM,
    "feed_signing_key": PEM,
    "feed_shards": json.dumps({"0": {"database_url": "postgresql+psycopg://role:secret@postgres/database"}}),
    "pickup_shards": json.dumps(
        {"0": {"database_url": "postgresql+psycopg://role:secret@postgres/database"}}
    ),
}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]


def secrets(container: str) -> dict[str, str]:
    """The secrets of a container: by the names of their files in it, those in the compose file."""
    given = CONTAINERS[container].get("secrets", [])
    return dict((one, one) if isinstance(one, str) else (one["target"], one["source"]) for one in given)


def environment(role: str) -> dict[str, str]:
    """What the role's process finds set: its environment with defaults filled in, and its secrets."""
    given = {
        name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
        for name, value in CONTAINERS[role].get("environment", {}).items()
    }
    of_files = {name.upper(): STAND_INS.get(name, DATABASE) for name in secrets(role)}
    return given | of_files


def has_database(role: str) -> bool:
    return bool({f"{role.upper()}_DATABASE_URL", f"{role.upper()}_SHARDS"} & variables(role).keys())


def test_every_role_has_a_container_that_serves_it_to_the_others() -> None:
    for role in ROLES:
        migrate = ["--migrate"] if has_database(role) else []
        where = ["--host", "0.0.0.0", "--port", "8000"]  # noqa: S104 (inside its network)
        assert CONTAINERS[role]["command"] == ["serve", role, *migrate, *where]


def test_a_container_has_every_variable_that_its_role_needs_and_only_such_as_it_reads() -> None:
    for role in ROLES:
        needed = {name for name, variable in variables(role).items() if variable.default is None}
        assert needed <= set(environment(role)), role
        assert set(environment(role)) <= {*variables(role), "REGISTRY_URL"}, "which the server reads"


def test_every_role_can_be_made_from_the_variables_of_its_container(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {variable for each in ROLES for variable in variables(each)}:
        monkeypatch.delenv(name, raising=False)
    for role, factory in ROLES.items():
        with monkeypatch.context() as patch:
            for name, value in environment(role).items():
                patch.setenv(name, value)
            if role == GATEWAY:
                patch.setenv("GATEWAY_ROUTES", str(ROOT / "gateway" / "routes.toml"))
            require(PROJECT, role)
            assert callable(create(factory))


def test_every_address_is_that_of_a_container_on_the_network_of_the_services() -> None:
    told = [value for role in ROLES for name, value in environment(role).items() if name == "SERVICES"]
    (same,) = set(told)
    addresses: dict[str, str] = json.loads(same)

    hosts = {address.removeprefix("http://").partition(":")[0] for address in addresses.values()}

    assert hosts == set(ROLES) - {GATEWAY}
    assert all("services" in CONTAINERS[host]["networks"] for host in hosts)


def test_only_the_gateway_and_its_envoy_can_be_reached_from_outside_and_only_from_this_host() -> None:
    published = {name: one["ports"] for name, one in CONTAINERS.items() if "ports" in one}
    outside = {
        name
        for name, one in CONTAINERS.items()
        if any(not (COMPOSE["networks"][network] or {}).get("internal") for network in one["networks"])
    }

    assert published == {GATEWAY: ["127.0.0.1:8080:8000"], "envoy": ["127.0.0.1:8081:8081"]}
    assert outside == {GATEWAY, "envoy"}


def test_every_container_is_watched_confined_and_restarted() -> None:
    confined = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    for name, one in CONTAINERS.items():
        assert one["healthcheck"]["test"], name
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", one["user"]), name
        assert one.items() >= {**confined, "restart": "unless-stopped"}.items(), name
        assert {"mem_limit", "cpus", "pids_limit"} <= set(one), name


def test_what_keeps_data_is_reached_only_by_those_who_keep_it_there() -> None:
    on = {
        network: {name for name, one in CONTAINERS.items() if network in one["networks"]}
        for network in ("databases", "baskets", "sessions")
    }
    with_database = {name for name in ROLES if has_database(name)}

    assert on == {
        "databases": {"postgres", *with_database},
        "baskets": {"valkey", "basket"},
        "sessions": {"session-valkey", GATEWAY},
    }


def test_a_database_url_is_known_to_its_service_and_the_server_alone() -> None:
    knowing = _knowing("_database_url")

    of = {secret: secret.removesuffix("_database_url").removesuffix("_read") for secret in knowing}
    by_service = {secret: service for secret, service in of.items() if service in ROLES}
    assert {secret: knowing[secret] for secret in by_service} == {
        secret: {service, "postgres"} for secret, service in by_service.items()
    }
    assert all(knowing[secret] == {"postgres"} for secret in of.keys() - by_service.keys()), "a shard's own"
    assert by_service
    for secret, containers in _knowing("_shards").items():
        assert containers == {secret.removesuffix("_shards")}


def test_a_service_with_events_has_a_user_of_its_own_at_the_broker() -> None:
    with_events = {name for name in ROLES if "EVENTS_URL" in variables(name)}
    users = {name: secrets(name).get("events_url") for name in CONTAINERS if "events_url" in secrets(name)}

    assert users == {name: f"{name}_events_url" for name in with_events}
    assert "operator_events_url" not in users.values()


def test_every_role_reaches_the_registry_as_a_user_of_its_own() -> None:
    users = {role: secrets(role).get("registry_url") for role in ROLES}

    assert users == {role: f"{role.replace('-', '_')}_registry_url" for role in ROLES}
    assert all("services" in CONTAINERS[name]["networks"] for name in ("nats", *ROLES))


def test_what_a_caller_signs_with_is_known_to_it_alone() -> None:
    knowing = _knowing("_signing_key")

    assert knowing == {secret: {secret.removesuffix("_signing_key").replace("_", "-")} for secret in knowing}
    assert len(knowing) == 10


def _knowing(end: str) -> dict[str, set[str]]:
    """The containers that know each secret whose name ends so."""
    return {
        secret: {name for name in CONTAINERS if secret in secrets(name).values()}
        for secret in COMPOSE["secrets"]
        if secret.endswith(end)
    }


def test_a_client_of_compose_accepts_the_file() -> None:
    client = compose_client()
    if client is None:
        pytest.skip("neither `docker compose` nor `docker-compose` is installed")

    checked = subprocess.run(
        [*client, "-f", ROOT / "compose.yaml", "config", "-q"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "SEED": "true"},
    )

    assert checked.returncode == 0, checked.stderr


def compose_client() -> list[str] | None:
    """The command line of a client of Compose that works here."""
    for client in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(client[0]) and _works([*client, "version"]):
            return client
    return None


def _works(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
