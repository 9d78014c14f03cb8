"""Layers of a project's own: declared in a file, placed among the policies, used by routes by name."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway import Call, Handler, RouteLayer
from frontispiece.gateway.app import Gateway, GatewaySettings, create_app
from frontispiece.gateway.own_layers import OwnLayers, load
from frontispiece.gateway.pipeline import POLICIES, layers
from frontispiece.gateway.snapshot import RoutingSnapshot
from frontispiece.http import Problem, Reply
from frontispiece.settings import Directory
from tests.support.serving import client_of, nobody_there, servers
from tests.support.stub import Stub
from tests.support.tables import route, route_table

DECLARED = """
[gateway.layers.stamp]
factory = "own_module:Stamp"
after = "auth"

[gateway.layers.gate]
factory = "own_module:Gate"
before = "rate_limit"

[gateway.layers.outermost]
factory = "own_module:Gate"
before = "access_log"
"""


class Stamp(RouteLayer):
    """Counts the calls since its chain was made, and says so in the response."""

    text: str
    size: int = 1

    def wrap(self, inner: Handler) -> Handler:
        calls = 0

        async def handle(call: Call) -> Reply:
            nonlocal calls
            calls += 1
            call.response_headers.append((b"x-stamp", f"{self.text * self.size} {calls}".encode()))
            return await inner(call)

        return handle


class Gate(RouteLayer):
    """Lets nobody in."""

    def wrap(self, _inner: Handler) -> Handler:
        async def handle(_call: Call) -> Reply:
            raise Problem(403, "closed", "The gate is closed.")

        return handle


@pytest.fixture(autouse=True)
def own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("own_module")
    vars(module).update(Stamp=Stamp, Gate=Gate, nothing=None)
    monkeypatch.setitem(sys.modules, module.__name__, module)


def declare(folder: Path, text: str = DECLARED) -> Path:
    file = folder / "frontispiece.toml"
    file.write_text(text)
    return file


def gateway(folder: Path, *routes: Any, url: str | None = None) -> Gateway:
    """The gateway with this table and the layers of `DECLARED`."""
    table = folder / "routes.toml"
    table.write_text(route_table(*routes))
    directory = Directory(services={"things": url or nobody_there()})
    return create_app(GatewaySettings(routes=table, layers=declare(folder), directory=directory, watch=False))


def errors(folder: Path, *routes: Any) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        gateway(folder, *routes)
    return [error.removeprefix(f"{folder}/") for error in refused.value.errors]


def declaration_errors(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(declare(folder, text), POLICIES)
    return [error.removeprefix(f"{folder}/") for error in refused.value.errors]


def names(snapshot: RoutingSnapshot, number: int) -> list[str]:
    """The layers of a route, from the outside in: own ones by their class."""
    made = layers(snapshot.table.routes[number], snapshot.resources)
    return [
        type(owner).__name__ if isinstance(owner := getattr(layer, "__self__", None), RouteLayer) else policy
        for _, layer in made
        for policy in [layer.__module__.removesuffix(".layer").rpartition(".")[2]]
    ]


def test_a_layer_is_at_its_place_on_routes_that_name_it_and_on_no_other(tmp_path: Path) -> None:
    limit = {"rate": "5/second", "by": "address"}
    every = {"gate": {}, "outermost": {}, "stamp": {"text": "a"}}
    snapshot = gateway(
        tmp_path,
        route("/a", layers=every, rate_limit=limit),
        route("/b", layers={"stamp": {"text": "b"}}),
        route("/c"),
    ).snapshot

    plain = names(snapshot, 2)
    assert plain[-1] == "layers", "auth is the last"
    assert names(snapshot, 0) == ["Gate", *plain, "Stamp", "Gate", "rate_limit"]
    assert names(snapshot, 1) == [*plain, "Stamp"], "its place is there without the policy before it"


async def test_a_layer_of_a_project_sees_calls_and_refuses_them(tmp_path: Path) -> None:
    things = Stub()
    routes = [
        route("/stamped", layers={"stamp": {"text": "ab", "size": 2}}),
        route("/closed", layers={"gate": {}, "stamp": {"text": "seen"}}),
    ]
    async with servers() as serve:
        app = gateway(tmp_path, *routes, url=await serve(things))
        async with client_of(await serve(app)) as http:
            first, second = [await http.get("/stamped") for _ in range(2)]
            closed = await http.get("/closed")

    assert (first.headers["x-stamp"], second.headers["x-stamp"]) == ("abab 1", "abab 2")
    assert (closed.status_code, closed.json()["type"]) == (403, "urn:frontispiece:problem:closed")
    assert closed.headers["x-stamp"] == "seen 1", "it comes before the gate"
    assert things.paths == ["/stamped", "/stamped"]


async def test_a_reload_keeps_a_layer_with_its_state_unless_its_route_changes(tmp_path: Path) -> None:
    def table(size: int) -> str:
        return route_table(
            route("/same", layers={"stamp": {"text": "a"}}),
            route("/changed", layers={"stamp": {"text": "b", "size": size}}),
        )

    async with servers() as serve:
        app = gateway(tmp_path, route("/same"), url=await serve(Stub()))
        file = tmp_path / "routes.toml"
        assert app.reloader is not None
        async with client_of(await serve(app)) as http:
            for size in (1, 2):
                file.write_text(table(size))
                assert not (await app.reloader.reload("a test")).errors
                stamps = [(await http.get(path)).headers["x-stamp"] for path in ("/same", "/changed")]

    assert stamps == ["a 2", "bb 1"]


def test_faults_of_a_route_s_layers_have_file_line_and_the_nearest_name(tmp_path: Path) -> None:
    text = """
[services.things]
url = "registry://things"

[[routes]]
path = "/a"
to = "things"
auth = "none"
layers.stamp = { txt = "a" }
layers.gat = {}

[[routes]]
path = "/b"
to = "things"
auth = "none"

[routes.layers.stamp]
text = "b"
size = "many"

[[routes]]
path = "/c"
to = "things"
auth = "none"
layers.stamp = "c"
layers.gate = { wide = true }
"""
    table = tmp_path / "routes.toml"
    table.write_text(text)
    settings = GatewaySettings(routes=table, layers=declare(tmp_path), directory=Directory(services={}))

    with pytest.raises(ConfigError) as refused:
        create_app(settings)

    assert sorted(refused.value.errors) == [
        f"{table}:10: route 1 (/a): layers.gat: unknown key: did you mean 'gate'?",
        f"{table}:19: route 2 (/b): layers.stamp: size: 'many' is no whole number",
        f"{table}:25: route 3 (/c): layers.stamp: must be a table: the keys here are size, text",
        f"{table}:26: route 3 (/c): layers.gate: wide: unknown key: there are no keys here",
        f"{table}:9: route 1 (/a): layers.stamp: text: is missing",
        f"{table}:9: route 1 (/a): layers.stamp: txt: unknown key: did you mean 'text'?",
    ]


def test_faults_of_declarations_have_file_line_and_the_nearest_name(tmp_path: Path) -> None:
    found = declaration_errors(
        tmp_path,
        """
[gateway.layers.one]
factory = "own_module:Stamp"
aftr = "auth"
[gateway.layers.two]
factory = "own_module:Stamp"
[gateway.layers.three]
factory = "own_module.Stamp"
after = "auth"
[gateway.layers.copy]
factory = "own_module:Stamp"
after = "auth"
""",
    )

    assert [error.removeprefix("frontispiece.toml:").replace("gateway.layers.", "") for error in found] == [
        "4: one.aftr: unknown key: did you mean 'after'?",
        "5: two: its place is one of after and before, and a policy's name",
        "8: three.factory: 'own_module.Stamp' is no module:Class",
        "10: copy: 'copy' has another meaning in a model: choose another name",
    ]
    assert declaration_errors(
        tmp_path, '[gateway.layers.one]\nfactory = "no_such_module:Gate"\nbefore = "lunch"\n'
    ) == [
        (
            f"frontispiece.toml:3: gateway.layers.one.before: 'lunch' is no policy: the policies are "
            f"{', '.join(POLICIES)}"
        ),
        (
            "frontispiece.toml:2: gateway.layers.one.factory: no_such_module:Gate cannot be imported: No "
            "module named 'no_such_module': modules are found in the project's folder, and where pip installs"
        ),
    ]


def test_a_file_without_declarations_declares_none(tmp_path: Path) -> None:
    none: OwnLayers = load(declare(tmp_path, "[gateway]\nroutes = 'routes.toml'\n"), POLICIES)

    assert none == {}
