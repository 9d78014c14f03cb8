"""Who is measured, and how each is started: every one with a single worker, on one core."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import proxies, versions
from bench.processes import Program, free_port, tool
from bench.routes import FEW, MANY, table, templates
from bench.versions import FASTIFY
from bench.world import ROOT, World

ROUTES = Path(__file__).parent / "ours" / "routes.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One way to serve what is measured.

    Args:
        name: on the command line.
        title: in the results.
        programs: how it is started; the last of its programs is the one that is asked.
        version: what of it is installed.
        max_connections: so many load it fully; more would only queue.
    """

    name: str
    title: str
    programs: Callable[[World], list[Program]]
    version: Callable[[], str]
    max_connections: int = 1024

    @property
    def is_frontispiece(self) -> bool:
        """Whether it is this platform."""
        return self.version is versions.own


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _frontispiece(role: str, world: World, routes: Path, **services: str) -> Program:
    port = free_port()
    services = {
        "shop": f"http://127.0.0.1:{world.shop}",
        "lost": f"http://127.0.0.1:{world.lost}",
        **services,
    }
    variables = {
        "PYTHONPATH": str(ROOT),
        "GATEWAY_ROUTES": str(routes),
        "SERVICES": json.dumps(services),
        "GATEWAY_SIGNING_KEY": world.signing_key,
        "ISSUER_URL": world.issuer.url,
    }
    return Program(command=_python("bench.ours", role, str(port)), port=port, variables=variables)


def _mounted(world: World) -> list[Program]:
    return [_frontispiece("gateway", world, ROUTES, bff="app://bench.ours.app:create_app")]


def _apart(world: World) -> list[Program]:
    [bff] = _alone(world)
    return [bff, _frontispiece("gateway", world, ROUTES, bff=f"http://127.0.0.1:{bff.port}")]


def _alone(world: World) -> list[Program]:
    return [_frontispiece("bff", world, ROUTES)]


def _by_hand(world: World) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "SHOP": f"http://127.0.0.1:{world.shop}",
        "LOST": f"http://127.0.0.1:{world.lost}",
        "TOKEN_PUBLIC_KEY": world.issuer.public_key,
        "ISSUER_URL": world.issuer.url,
    }


def _fastapi(world: World) -> list[Program]:
    port = free_port()
    command = _python("bench.by_hand.fastapi_httpx", str(port))
    return [Program(command=command, port=port, variables=_by_hand(world))]


def _fastify(world: World) -> list[Program]:
    if not (FASTIFY / "node_modules").is_dir():
        install = [tool("npm", "npm"), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=FASTIFY, check=True, capture_output=True)  # noqa: S603 (npm)
    port = free_port()
    command = [tool("node", "nodejs"), str(FASTIFY / "server.js"), str(port)]
    return [Program(command=command, port=port, variables={**_by_hand(world), "NODE_ENV": "production"})]


def _with_table(count: int) -> Callable[[World], list[Program]]:
    def programs(world: World) -> list[Program]:
        routes = world.folder / f"routes-{count}.toml"
        routes.write_text(table(templates(count)), encoding="utf-8")
        return [_frontispiece("gateway", world, routes)]

    return programs


CANDIDATES = [
    Candidate(name="ours", title="Frontispiece, BFF mounted", programs=_mounted, version=versions.own),
    Candidate(name="apart", title="Frontispiece, BFF apart", programs=_apart, version=versions.own),
    Candidate(name="bff", title="Frontispiece, BFF alone", programs=_alone, version=versions.own),
    Candidate(name="fastify", title="Fastify + undici by hand", programs=_fastify, version=versions.fastify),
    Candidate(
        name="fastapi",
        title="FastAPI + httpx by hand",
        programs=_fastapi,
        version=versions.fastapi,
        max_connections=12,
    ),
    Candidate(name="nginx", title="nginx", programs=proxies.nginx, version=versions.nginx),
    Candidate(name="caddy", title="Caddy", programs=proxies.caddy, version=versions.caddy),
    Candidate(name="traefik", title="Traefik", programs=proxies.traefik, version=versions.traefik),
    Candidate(name="envoy", title="Envoy", programs=proxies.envoy, version=versions.envoy),
    Candidate(
        name="few", title=f"Frontispiece, {FEW} routes", programs=_with_table(FEW), version=versions.own
    ),
    Candidate(
        name="many", title=f"Frontispiece, {MANY} routes", programs=_with_table(MANY), version=versions.own
    ),
]
