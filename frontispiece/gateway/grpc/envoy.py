"""What Envoy reads: a bootstrap that never changes, and the clusters and timeouts of the table in force.

Which cluster a call goes to, its deadline and its headers are in the gateway's decision, by headers that are
removed before the call is passed on. So a table can change without Envoy's listener knowing.
"""

import hashlib
import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from frontispiece.errors import ConfigError

Json = dict[str, Any]

CLUSTER: Final = "x-plane-cluster"
"""The header of a decision that names the cluster of the call."""

IDLE: Final = "x-plane-idle-ms"
"""The header of a decision with the milliseconds that nothing may be sent on the call's stream."""

SLACK: Final = 0.2
"""Seconds that a service has beyond a call's deadline: Envoy ends the call first, with the right status."""

OF_DECISION: Final = "x-envoy-upstream-service-time"
"""What Envoy adds to a decision."""

DECISIONS: Final = "decisions"
"""The cluster of the gateway."""

DECISION_TIMEOUT: Final = "10s"
"""An issuer that has to be called for a token may take so long."""

KEEP_ALIVE: Final = "3s"
"""Shorter than that of the gateway's server, which so never closes a connection that is just used."""

SET_BY_GATEWAY: Final = ("authorization", "baggage", "cookie", "grpc-timeout", "traceparent", "tracestate")
"""The headers of a call that the gateway may set, beside those that begin with `x-`."""

FOR_CLIENT: Final = ("ratelimit", "retry-after", "www-authenticate", "problem-type", "x-request-id")
"""The beginnings of the headers of a decision that are metadata for the client."""

WINDOWS: Final = {"initial_stream_window_size": 1 << 16, "initial_connection_window_size": 1 << 20}
"""Bytes that may be under way, to clients and to services: Envoy stores what a slow reader leaves."""

BUFFER: Final = 1 << 20
"""Bytes of a connection that Envoy stores."""

TYPES: Final = "type.googleapis.com/envoy"
HTTP: Final = f"{TYPES}.extensions.filters.http"
MANAGER: Final = f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
OTHER_HOST: Final = f"{TYPES}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
OPTIONS: Final = f"{TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions"


FROM_DECISION_ALONE: Final = {
    "@type": f"{TYPES}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
    "mutations": [{"remove": CLUSTER}, {"remove": IDLE}],
}
"""Removes from a call what Envoy goes by: a client never chooses where it is sent."""

UNREACHABLE: Final = {
    "filter": {"response_flag_filter": {"flags": ["UF", "UH", "UC", "UR", "LR", "URX", "NC"]}},
    "body": {"inline_string": "The service cannot be reached."},
    "headers_to_add": [
        {
            "header": {"key": "problem-type", "value": "upstream-unavailable"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    ],
}
"""What a client learns of a service that cannot be reached, in place of Envoy's words for the inside."""

MONITORS: Final = f"{TYPES}.extensions.resource_monitors"

MAX_CONNECTIONS: Final = {
    "name": "envoy.resource_monitors.global_downstream_max_connections",
    "typed_config": {
        "@type": f"{MONITORS}.downstream_connections.v3.DownstreamConnectionsConfig",
        "max_active_downstream_connections": 10_000,
    },
}
"""The limit of client connections."""


def bootstrap(folder: Path, listen: str, tls: tuple[Path, Path] | None = None) -> Json:
    """Envoy's own configuration.

    Args:
        folder: that of the plane, with the files of this module's other functions.
        listen: `host:port` that calls come to.
        tls: the certificate chain and the private key, in PEM; None for HTTP/2 without TLS.
    """
    chain: Json = {"filters": [{"name": "http", "typed_config": _manager(folder)}]}
    if tls is not None:
        certificate, key = ({"filename": str(each.resolve())} for each in tls)
        common = {
            "alpn_protocols": ["h2"],
            "tls_certificates": [{"certificate_chain": certificate, "private_key": key}],
        }
        context = {
            "@type": f"{TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common,
        }
        chain["transport_socket"] = {"name": "tls", "typed_config": context}
    listener = {
        "name": "grpc",
        "address": _address(listen),
        "filter_chains": [chain],
        "per_connection_buffer_limit_bytes": BUFFER,
    }
    gateway = _cluster(DECISIONS, [f"unix:{folder / 'decisions.sock'}"], {"http_protocol_options": {}})
    return {
        "node": {"id": "front", "cluster": "front"},
        "dynamic_resources": {"cds_config": _file(folder, "clusters.json")},
        "static_resources": {"listeners": [listener], "clusters": [gateway]},
        "overload_manager": {"resource_monitors": [MAX_CONNECTIONS]},
    }


def clusters(addresses: Iterable[tuple[str, Sequence[str]]]) -> Json:
    """The clusters of services: the name of each, and where it is.

    Args:
        addresses: `grpc://host:port`, `grpcs://host:port` with TLS, or targets of gRPC's own.
    """
    return {
        "resources": [
            {
                "@type": f"{TYPES}.config.cluster.v3.Cluster",
                **_cluster(name, each, {"http2_protocol_options": WINDOWS}),
                "per_connection_buffer_limit_bytes": BUFFER,
            }
            for name, each in addresses
        ]
    }


def routes(timeouts: Iterable[int]) -> Json:
    """Where calls go: to the cluster that their decision names, with one of these limits (ms) of pauses."""
    action = {
        "cluster_header": CLUSTER,
        "timeout": "0s",  # a stream may last; that of a call is the deadline, which the gateway has set
        "max_stream_duration": {"grpc_timeout_header_max": "0s", "grpc_timeout_header_offset": f"{SLACK}s"},
        "retry_policy": {
            "retry_on": "connect-failure,refused-stream",
            "num_retries": 2,
            "retry_host_predicate": [{"name": "other", "typed_config": {"@type": OTHER_HOST}}],
            "host_selection_retry_max_attempts": 3,
        },
    }
    listed: list[Json] = [
        {
            "match": {
                "prefix": "/",
                "grpc": {},
                "headers": [{"name": IDLE, "string_match": {"exact": str(idle)}}],
            },
            "route": {**action, "idle_timeout": f"{idle / 1000:g}s"},
        }
        for idle in sorted(set(timeouts))
    ]
    listed.append({"match": {"prefix": "/", "grpc": {}}, "route": action})
    return {
        "resources": [
            {
                "@type": f"{TYPES}.config.route.v3.RouteConfiguration",
                "name": "grpc",
                "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": listed}],
                "request_headers_to_remove": [CLUSTER, IDLE, OF_DECISION],
            }
        ]
    }


def cluster_name(service: str, addresses: Iterable[str]) -> str:
    """The cluster of a service: another one when its addresses change, so that running calls go on."""
    return f"{service}-{hashlib.sha256(' '.join(addresses).encode()).hexdigest()[:8]}"


def _manager(folder: Path) -> Json:
    return {
        "@type": MANAGER,
        "stat_prefix": "grpc",
        "codec_type": "HTTP2",
        "rds": {"route_config_name": "grpc", "config_source": _file(folder, "routes.json")},
        "use_remote_address": True,  # the client is the other end, whatever it says
        "internal_address_config": {},  # nor may one of a private network send what is for Envoy alone
        "early_header_mutation_extensions": [{"name": "strip", "typed_config": FROM_DECISION_ALONE}],
        "local_reply_config": {"mappers": [UNREACHABLE]},
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "stream_idle_timeout": "300s",
        "request_headers_timeout": "10s",
        "common_http_protocol_options": {"idle_timeout": "3600s"},
        "http2_protocol_options": {"max_concurrent_streams": 100, **WINDOWS},
        "http_filters": [
            {"name": "decision", "typed_config": _decision()},
            {
                "name": "router",
                "typed_config": {"@type": f"{HTTP}.router.v3.Router", "suppress_envoy_headers": True},
            },
        ],
    }


def _decision() -> Json:
    """Each call is decided by the gateway, and none is passed on without."""
    from_gateway = [*({"exact": name} for name in SET_BY_GATEWAY), {"prefix": "x-"}]
    to_client = [{"prefix": name} for name in FOR_CLIENT]
    return {
        "@type": f"{HTTP}.ext_authz.v3.ExtAuthz",
        "failure_mode_allow": False,
        "status_on_error": {"code": "ServiceUnavailable"},
        "clear_route_cache": True,
        "allowed_headers": {"patterns": [{"safe_regex": {"regex": ".*"}}]},
        # With these the question would be gRPC itself, and that nobody answers it a status, which is a 200.
        "disallowed_headers": {"patterns": [{"exact": "content-type"}, {"exact": "te"}]},
        "http_service": {
            "server_uri": {"uri": "http://gateway", "cluster": DECISIONS, "timeout": DECISION_TIMEOUT},
            "authorization_response": {
                "allowed_upstream_headers": {"patterns": from_gateway},
                "allowed_client_headers": {"patterns": [*to_client, {"exact": "grpc-status"}]},
                "allowed_client_headers_on_success": {"patterns": to_client},
            },
        },
    }


def _cluster(name: str, addresses: Sequence[str], protocol: Json) -> Json:
    plain = [each.partition("://")[2] or each for each in addresses]
    cluster: Json = {
        "name": name,
        "type": "STATIC" if all(each.startswith("unix:") for each in plain) else "STRICT_DNS",
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(each)}} for each in plain]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": OPTIONS,
                "explicit_http_config": protocol,
                "common_http_protocol_options": {"idle_timeout": KEEP_ALIVE if name == DECISIONS else "300s"},
            }
        },
    }
    if len(plain) > 1:
        cluster["outlier_detection"] = {"consecutive_5xx": 5, "max_ejection_percent": 50}
    if any(each.startswith("grpcs://") for each in addresses):
        authorities = {"trusted_ca": {"filename": ssl.get_default_verify_paths().cafile or ""}}
        hosts = [each.rpartition(":")[0] for each in plain]
        names = [{"san_type": "DNS", "matcher": {"exact": host}} for host in hosts]
        cluster["transport_socket"] = {
            "name": "tls",
            "typed_config": {
                "@type": f"{TYPES}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": hosts[0],
                "common_tls_context": {
                    "alpn_protocols": ["h2"],
                    "validation_context": {**authorities, "match_typed_subject_alt_names": names},
                },
            },
        }
    return cluster


def _address(target: str) -> Json:
    if target.startswith("unix:"):
        return {"pipe": {"path": target.removeprefix("unix:")}}
    host, _, port = target.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise ConfigError([f"Envoy cannot call {target!r}: write grpc://host:port"])
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def _file(folder: Path, name: str) -> Json:
    """A file that is read again when another is renamed to it."""
    return {
        "resource_api_version": "V3",
        "path_config_source": {"path": str(folder / name), "watched_directory": {"path": str(folder)}},
    }
