"""Proxies of others, each with one worker and kept connections, set up to pass `/pass/…` on as `/…`.

None of them checks a token, limits, traces or measures here: they do less than our gateway does.
"""

import json
from pathlib import Path

from bench.processes import Missing, Program, free_port, tool
from bench.world import ROOT, World

INSTALLED = ROOT / ".bench" / "venv"
TYPES = "type.googleapis.com/envoy.extensions"

MAX_IDLE = 512
"""Idle connections to the upstream that each proxy may keep: more than there ever are."""


def wheel(name: str) -> str:
    """The path of a program that came as a wheel.

    Raises:
        Missing: it is not installed.
    """
    path = INSTALLED / "bin" / name
    if not path.is_file():
        raise Missing(f"{name} is missing: make .bench/installed")
    return str(path)


def _written(world: World, name: str, content: str) -> str:
    path: Path = world.folder / name
    path.write_text(content, encoding="utf-8")
    return str(path)


def nginx(world: World) -> list[Program]:
    """One process, without a master above it."""
    port = free_port()
    content = f"""
        daemon off;
        master_process off;
        pid {world.folder}/nginx.pid;
        error_log stderr;
        events {{ worker_connections 4096; }}
        http {{
            access_log off;
            client_body_temp_path {world.folder}/nginx-body;
            proxy_temp_path {world.folder}/nginx-proxy;
            fastcgi_temp_path {world.folder}/nginx-fastcgi;
            uwsgi_temp_path {world.folder}/nginx-uwsgi;
            scgi_temp_path {world.folder}/nginx-scgi;
            keepalive_requests 1000000000;
            upstream shop {{
                server 127.0.0.1:{world.shop};
                keepalive {MAX_IDLE};
                keepalive_requests 1000000000;
            }}
            server {{
                listen 127.0.0.1:{port};
                location /pass/ {{
                    proxy_pass http://shop/;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                }}
            }}
        }}
    """
    command = [tool("nginx", "nginx-light"), "-c", _written(world, "nginx.conf", content), "-e", "stderr"]
    return [Program(command=command, port=port, variables={})]


def caddy(world: World) -> list[Program]:
    """One processor for all of Go."""
    port = free_port()
    content = f"""
        {{
            admin off
            auto_https off
            persist_config off
            log {{
                level ERROR
            }}
        }}
        http://127.0.0.1:{port} {{
            bind 127.0.0.1
            handle_path /pass/* {{
                reverse_proxy 127.0.0.1:{world.shop} {{
                    transport http {{
                        keepalive_idle_conns_per_host {MAX_IDLE}
                    }}
                }}
            }}
        }}
    """
    config = _written(world, "Caddyfile", content)
    command = [wheel("caddy"), "run", "--config", config, "--adapter", "caddyfile"]
    variables = {"GOMAXPROCS": "1", "HOME": str(world.folder)}
    return [Program(command=command, port=port, variables=variables)]


def traefik(world: World) -> list[Program]:
    """One processor for all of Go."""
    port = free_port()
    # Traefik tells how to read a file by its ending; it has none for JSON, but JSON is YAML
    routing = {
        "http": {
            "routers": {
                "pass": {"rule": "PathPrefix(`/pass/`)", "service": "shop", "middlewares": ["strip"]}
            },
            "middlewares": {"strip": {"stripPrefix": {"prefixes": ["/pass"]}}},
            "services": {
                "shop": {
                    "loadBalancer": {
                        "servers": [{"url": f"http://127.0.0.1:{world.shop}"}],
                        "serversTransport": "upstream",
                    }
                }
            },
            "serversTransports": {"upstream": {"maxIdleConnsPerHost": MAX_IDLE}},
        }
    }
    settings = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR"},
        "entryPoints": {"web": {"address": f"127.0.0.1:{port}"}},
        "providers": {"file": {"filename": _written(world, "routing.yaml", json.dumps(routing))}},
    }
    config = _written(world, "traefik.yaml", json.dumps(settings))
    command = [wheel("traefik"), f"--configFile={config}"]
    return [Program(command=command, port=port, variables={"GOMAXPROCS": "1"})]


def envoy(world: World) -> list[Program]:
    """One worker."""
    port = free_port()
    router = f"{TYPES}.filters.http.router.v3.Router"
    manager = f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"
    routes = [{"match": {"prefix": "/pass/"}, "route": {"cluster": "shop", "prefix_rewrite": "/"}}]
    http = {
        "@type": manager,
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": http}]
    endpoint = {"endpoint": {"address": _address(world.shop)}}
    settings = {
        "static_resources": {
            "listeners": [{"address": _address(port), "filter_chains": [{"filters": filters}]}],
            "clusters": [
                {
                    "name": "shop",
                    "type": "STATIC",
                    "load_assignment": {
                        "cluster_name": "shop",
                        "endpoints": [{"lb_endpoints": [endpoint]}],
                    },
                }
            ],
        }
    }
    config = _written(world, "envoy.json", json.dumps(settings))
    command = [wheel("envoy"), "-c", config, "--concurrency", "1", "--log-level", "error"]
    return [Program(command=[*command, "--disable-hot-restart"], port=port, variables={})]


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
