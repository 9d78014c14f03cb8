"""The BFFs as consumers of services: what their clients send and read, and what the services offer."""

import json

import pytest

from bff.clients import CLIENTS
from frontispiece.cli.inspect.check import apps
from frontispiece.cli.project import Project
from frontispiece.contracts.upstreams import conflicts, upstream_calls
from tests.contracts.services import ARGUMENTS
from tests.support.contracts import CONTRACTS, Json, is_written
from tests.support.shop import ROOT

CLIENT_SERVICES = (
    "catalog",
    "inventory",
    "reviews",
    "basket",
    "ordering",
    "shipping",
    "recommendation",
    "feed",
    "pickup",
    "discount",
)
FILE = CONTRACTS / "services" / "shared.json"


@pytest.fixture(scope="module")
def openapi(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """The OpenAPI document of every app of the shop."""
    project = Project.load(ROOT)
    described = apps(project, tmp_path_factory.mktemp("data"), project.routes)
    return {name: app.openapi() for name, app in described if hasattr(app, "openapi")}


async def test_the_file_is_what_the_clients_send_and_read() -> None:
    contract = await upstream_calls("shared", CLIENTS, ARGUMENTS)
    text = json.dumps(contract, indent=2, ensure_ascii=False) + "\n"

    assert is_written(FILE, text), f"{FILE} is not what bff/clients say: run `make contracts`"


def test_every_service_offers_what_the_clients_send_and_read(openapi: dict[str, Json]) -> None:
    found = conflicts(json.loads(FILE.read_text(encoding="utf-8")), openapi.get)

    assert found == {service: [] for service in CLIENT_SERVICES}
