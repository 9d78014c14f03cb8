"""Envoy's configuration beside its clusters: a bootstrap that never changes, and the timeouts of routes.

Which cluster a call goes to, its deadline and its headers are in the gateway's decision, by headers that are
removed before the call is passed on. So a table can change without Envoy's listener knowing.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from frontispiece.gateway.grpc.clusters import BUFFER, TYPES, WINDOWS, Json, address_of, cluster

CLUSTER: Final = "x-plane-cluster"
"""The header of a decision that names the cluster of the call."""

IDLE: Final = "x-plane-idle-ms"
"""The header of a decision with the milliseconds that nothing may be sent on the call's stream."""

SLACK: Final = 0.2
"""Seconds that a service has beyond a call's deadline: Envoy ends the call first, with the right status."""

UPSTREAM_TIME: Final = "x-envoy-upstream-service-time"
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

HTTP: Final = f"{TYPES}.extensions.filters.http"
MANAGER: Final = f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
OTHER_PRIORITY: Final = f"{TYPES}.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
OTHER_HOST: Final = f"{TYPES}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"


FROM_DECISION_ALONE: Final = {
    "@type": f"{TYPES}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
    "mutations": [{"remove": CLUSTER}, {"remove": IDLE}],
}
"""Removes from a call what Envoy goes by: a client never chooses where it is sent."""


def _mapper(flags: Sequence[str], status: int, problem: str, text: str) -> Json:
    """The reply that a client gets in place of Envoy's own, which would name the inside."""
    added = {"grpc-status": str(status), "problem-type": problem}
    return {
        "filter": {"response_flag_filter": {"flags": flags}},
        "body": {"inline_string": text},
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in added.items()
        ],
    }


LOCAL_REPLIES: Final = [
    _mapper(["UO"], 8, "upstream-overloaded", "The service has too many calls of this client."),
    _mapper(
        ["UF", "UH", "UC", "UR", "LR", "URX", "NC"],
        14,
        "upstream-unavailable",
        "The service cannot be reached.",
    ),
]
"""Of a service that has all calls that it may have, and of one that cannot be reached."""

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
        folder: of the data plane, with the files of this module's other functions.
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
        "address": address_of(listen),
        "filter_chains": [chain],
        "per_connection_buffer_limit_bytes": BUFFER,
    }
    gateway = cluster(
        DECISIONS, [(f"unix:{folder / 'decisions.sock'}", 0, 1.0)], {"http_protocol_options": {}}, KEEP_ALIVE
    )
    return {
        "node": {"id": "front", "cluster": "front"},
        "dynamic_resources": {"cds_config": _file(folder, "clusters.json")},
        "static_resources": {"listeners": [listener], "clusters": [gateway]},
        "overload_manager": {"resource_monitors": [MAX_CONNECTIONS]},
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
            # the first time another instance of the zone, if it has one, and then another zone
            "retry_priority": {
                "name": "other",
                "typed_config": {"@type": OTHER_PRIORITY, "update_frequency": 2},
            },
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
                "request_headers_to_remove": [CLUSTER, IDLE, UPSTREAM_TIME],
            }
        ]
    }


def _manager(folder: Path) -> Json:
    return {
        "@type": MANAGER,
        "stat_prefix": "grpc",
        "codec_type": "HTTP2",
        "rds": {"route_config_name": "grpc", "config_source": _file(folder, "routes.json")},
        "use_remote_address": True,  # the client is the other end, whatever it says
        "internal_address_config": {},  # nor may one of a private network send what is for Envoy alone
        "early_header_mutation_extensions": [{"name": "strip", "typed_config": FROM_DECISION_ALONE}],
        "local_reply_config": {"mappers": LOCAL_REPLIES},
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


def _file(folder: Path, name: str) -> Json:
    """A file that is read again when another is renamed to it."""
    return {
        "resource_api_version": "V3",
        "path_config_source": {"path": str(folder / name), "watched_directory": {"path": str(folder)}},
    }
