"""Versions of clients: too old ones are refused, deprecated ones are warned, all others pass."""

import re
import tomllib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway import Gateway, GatewaySettings, create_app
from frontispiece.http import Version
from frontispiece.settings import Directory
from shop.client_versions import supported_versions
from tests.support.serving import client_of, servers
from tests.support.shop import ROOT
from tests.support.stub import Stub
from tests.support.tables import route, route_table

LAYER = (
    '[gateway.layers.client_versions]\nfactory = "gateway.client_versions:ClientVersions"\nafter = "cors"\n'
)

MOBILE = {"minimum": "1.2.0", "latest": "1.4.0", "update": "Install it anew."}
DEPRECATED = {
    "deprecated_below": "1.3.0",
    "deprecated_since": "2030-01-10T00:00:00Z",
    "sunset": "2030-03-01T01:00:00+01:00",
}
ROUTES = [
    route("/plain", layers={"client_versions": {"versions": {"mobile": MOBILE}}}),
    route("/aging", layers={"client_versions": {"versions": {"mobile": MOBILE | DEPRECATED}}}),
    route("/closed", auth="passthrough", layers={"client_versions": {}}),
]


@pytest.fixture(scope="module")
def things() -> Stub:
    return Stub()


def gateway(folder: Path, things: str) -> Gateway:
    """The gateway with these routes, in front of a service."""
    table, project = folder / "routes.toml", folder / "frontispiece.toml"
    table.write_text(route_table(*ROUTES))
    project.write_text(LAYER)
    directory = Directory(services={"things": things})
    return create_app(GatewaySettings(routes=table, layers=project, directory=directory, watch=False))


@pytest.fixture
async def http(tmp_path: Path, things: Stub) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway with these routes."""
    things.requests.clear()
    async with servers() as serve:
        app = gateway(tmp_path, await serve(things))
        async with client_of(await serve(app)) as http:
            yield http


async def test_a_version_below_the_minimum_is_refused_with_what_to_do(
    http: httpx.AsyncClient, things: Stub
) -> None:
    answer = await http.get("/plain", headers={"X-Client": "mobile/1.1.9"})

    assert (answer.status_code, answer.headers["content-type"]) == (426, "application/problem+json")
    assert answer.json() == {
        "type": "urn:frontispiece:problem:client-too-old",
        "title": "Client too old",
        "status": 426,
        "detail": "mobile 1.1.9 is no longer supported, from 1.2.0 on it is. Install it anew.",
        "minimum": "1.2.0",
        "latest": "1.4.0",
        "request_id": answer.headers["x-request-id"],
    }
    assert (answer.headers["upgrade"], answer.headers["connection"]) == ("mobile/1.2.0", "upgrade")
    assert answer.headers["cache-control"] == "no-store"
    assert not things.requests

    other = await http.get("/plain", headers={"X-Client": "mobile/1.2.0"})
    assert other.status_code == 200, "the connection goes on"


@pytest.mark.parametrize(
    ("client", "warned"),
    [("mobile/1.2.0", True), ("mobile/1.3.0-beta.1", True), ("mobile/1.3.0", False), ("web/0.1.0", False)],
)
async def test_a_deprecated_version_is_served_and_warned(
    http: httpx.AsyncClient, client: str, *, warned: bool
) -> None:
    answer = await http.get("/aging", headers={"X-Client": client})

    moment = int(datetime(2030, 1, 10, tzinfo=UTC).timestamp())
    fields = [answer.headers.get(name) for name in ("deprecation", "sunset")]
    assert answer.status_code == 200
    assert fields == ([f"@{moment}", "Fri, 01 Mar 2030 00:00:00 GMT"] if warned else [None, None])


async def test_calls_that_name_no_known_client_pass(http: httpx.AsyncClient) -> None:
    for client in (None, "", "junk", "mobile", "mobile/1", "kiosk/0.0.1", "unknown/0.0.1"):
        headers = {} if client is None else {"X-Client": client}
        answer = await http.get("/aging", headers=headers)
        assert (answer.status_code, "deprecation" in answer.headers) == (200, False), client


async def test_a_route_that_says_nothing_else_goes_by_the_shop_s_versions(http: httpx.AsyncClient) -> None:
    for name, supported in supported_versions().items():
        old = await http.get("/closed", headers={"X-Client": f"{name}/0.0.1"})
        new = await http.get("/closed", headers={"X-Client": f"{name}/{supported.latest}"})
        assert (old.status_code, old.json()["minimum"]) == (426, str(supported.minimum))
        assert supported.update in old.json()["detail"]
        assert new.status_code == 200


async def test_a_reload_takes_another_minimum_and_refuses_one_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "client_versions.toml"
    monkeypatch.setattr("shop.client_versions.FILE", file)

    def write(minimum: str) -> None:
        lines = [f'{name} = "{value}"' for name, value in (MOBILE | {"minimum": minimum}).items()]
        file.write_text("\n".join(["[mobile]", *lines]))

    async def reload() -> tuple[list[str], int]:
        assert app.reloader is not None
        errors = list((await app.reloader.reload("a test")).errors)
        return errors, (await http.get("/closed", headers={"X-Client": "mobile/1.2.0"})).status_code

    write("1.2.0")
    async with servers() as serve:
        app = gateway(tmp_path, await serve(Stub()))
        async with client_of(await serve(app)) as http:
            unchanged = await reload()
            write("1.3.0")
            raised = await reload()
            write("1.x")
            errors, status = await reload()

    assert (unchanged, raised, status) == (([], 200), ([], 426), 426)
    assert errors == [
        "client_versions.toml: mobile.minimum: '1.x' is no version: write three numbers, such as 1.3.0"
    ]


def test_no_version_in_the_field_is_refused() -> None:
    today = datetime.now(UTC).date()
    released: dict[str, list[dict[str, Any]]] = tomllib.loads(
        (ROOT / "contracts" / "released.toml").read_text(encoding="utf-8")
    )
    for name, supported in supported_versions().items():
        in_field = [each for each in released[name] if not (each.get("retired") and each["retired"] <= today)]
        assert in_field
        assert all(Version.parse(each["version"]) >= supported.minimum for each in in_field)


def test_the_latest_versions_are_those_of_the_clients() -> None:
    clients = {
        file.parent.name: re.findall(r'VERSION = "([^"]+)"', file.read_text(encoding="utf-8"))
        for file in (ROOT / "clients").glob("*/version.js")
    }

    assert {name: [str(supported.latest)] for name, supported in supported_versions().items()} == clients


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"minimum": "2.0.0"}, "minimum, deprecated_below and latest are in this order"),
        (
            DEPRECATED | {"deprecated_below": "1.1.0"},
            "minimum, deprecated_below and latest are in this order",
        ),
        ({"deprecated_below": "1.3.0"}, "deprecated_below and deprecated_since go together"),
        ({"sunset": "2030-03-01T00:00:00Z"}, "sunset comes after deprecated_since"),
        ({"minimum": "1.2"}, "'1.2' is no version: write three numbers, such as 1.3.0"),
        ({"minimal": "1.2.0"}, "Extra inputs are not permitted"),
    ],
)
def test_versions_that_do_not_fit_together_are_refused(
    tmp_path: Path, keys: dict[str, str], message: str
) -> None:
    file = tmp_path / "client_versions.toml"
    lines = [f'{name} = "{value}"' for name, value in {**MOBILE, **keys}.items()]
    file.write_text("\n".join(["[mobile]", *lines]))

    with pytest.raises(ConfigError, match=rf"client_versions.toml: mobile.*{re.escape(message)}"):
        supported_versions(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        supported_versions(tmp_path / "none.toml")
