"""The clusters of Envoy: where services are, which of their instances get calls, and how many at a time."""

import hashlib
import re
import ssl
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from itertools import groupby
from typing import Any, Final

from frontispiece.errors import ConfigError
from frontispiece.registry import Instance

Json = dict[str, Any]

Place = tuple[str, int, float]
"""The address of an instance, its priority and its weight."""

GROUPS: Final = 4
"""The number of groups of callers. Each has its own streams at a service: no caller takes them all."""

MAX_STREAMS: Final = 256
"""The streams that one group may have at a service; further calls are refused at once."""

WINDOWS: Final = {"initial_stream_window_size": 1 << 16, "initial_connection_window_size": 1 << 20}
"""Bytes that may be under way, to clients and to services: Envoy stores what a slow reader leaves."""

BUFFER: Final = 1 << 20
"""Bytes of a connection that Envoy stores."""

TYPES: Final = "type.googleapis.com/envoy"
OPTIONS: Final = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

OUTLIERS: Final = {
    # UNAVAILABLE and DEADLINE_EXCEEDED; other failures a client brings about by calls of its own.
    "consecutive_gateway_failure": 5,
    "enforcing_consecutive_gateway_failure": 100,
    "enforcing_consecutive_5xx": 0,
    "enforcing_success_rate": 0,
    # A malformed call makes a service reset its stream, which is a failure of this kind.
    "split_external_local_origin_errors": True,
    "enforcing_consecutive_local_origin_failure": 0,
    "enforcing_local_origin_success_rate": 0,
    "max_ejection_percent": 50,
    "successful_active_health_check_uneject_host": False,
}
"""An instance with so many consecutive failures is ejected for half a minute."""

CHECK_INTERVAL: Final = "2s"

TCP_HEALTH_CHECK: Final = {
    "tcp_health_check": {},
    "interval": CHECK_INTERVAL,
    "no_traffic_interval": CHECK_INTERVAL,
    "timeout": "0.5s",
    "unhealthy_threshold": 2,
    "healthy_threshold": 1,
}
"""An instance gets calls while connections to it can be made."""

NO_PANIC: Final = {"healthy_panic_threshold": {"value": 0}}
"""Without it, calls go to unhealthy instances, too, when more than half of them are unhealthy."""

_HOST_AND_PORT: Final = re.compile(r"(?P<host>[^:/\[\]]+|\[[^/\[\]]+\]):(?P<port>[0-9]{1,5})", re.ASCII)


def place_of(instance: Instance) -> Place:
    """What Envoy learns of an instance."""
    return instance.address, instance.priority, instance.weight


def cluster_name(service: str, places: Iterable[Place]) -> str:
    """The cluster of a service: another one when its instances change, so that running calls go on."""
    return f"{service}-{hashlib.sha256(repr([*places]).encode()).hexdigest()[:8]}"


def group_of(cluster: str, caller: object) -> str:
    """The cluster for the calls of one caller, of those that `clusters` makes of a service's."""
    return f"{cluster}.{int.from_bytes(hashlib.sha256(repr(caller).encode()).digest()[:4]) % GROUPS}"


def clusters(services: Iterable[tuple[str, Sequence[Place]]]) -> Json:
    """The clusters of services, one for each group of callers.

    Args:
        services: the name by `cluster_name` of each, and its instances, at `grpc://host:port`,
            `grpcs://host:port` with TLS, or targets of gRPC's own.

    Raises:
        ConfigError: Envoy cannot call an address.
    """
    return {
        "resources": [
            {
                "@type": f"{TYPES}.config.cluster.v3.Cluster",
                **cluster(f"{name}.{group}", places, {"http2_protocol_options": WINDOWS}),
                "circuit_breakers": {"thresholds": [{"max_requests": MAX_STREAMS}]},
                "per_connection_buffer_limit_bytes": BUFFER,
            }
            for name, places in services
            for group in range(GROUPS)
        ]
    }


def cluster(name: str, places: Sequence[Place], protocol: Json, idle_timeout: str = "300s") -> Json:
    """One cluster.

    Args:
        name: of it.
        places: its instances.
        protocol: `explicit_http_config` of Envoy.
        idle_timeout: after which a connection without calls is closed.

    Raises:
        ConfigError: Envoy cannot call an address.
    """
    addresses = [address for address, *_ in places]
    options = {
        "@type": f"type.googleapis.com/{OPTIONS}",
        "explicit_http_config": protocol,
        "common_http_protocol_options": {"idle_timeout": idle_timeout},
    }
    made: Json = {
        "name": name,
        "type": _type_of(addresses),
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": _levels(places)},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options
        },
    }
    if made["type"] == "STRICT_DNS":  # there may be several addresses behind a name
        made |= {"dns_lookup_family": "ALL", "health_checks": [TCP_HEALTH_CHECK]}
    if len(places) > 1:
        made |= {
            "outlier_detection": OUTLIERS,
            "health_checks": [TCP_HEALTH_CHECK],
            "common_lb_config": NO_PANIC,
        }
    secure = [each.startswith("grpcs://") for each in addresses]
    if any(secure):
        if not all(secure):
            raise ConfigError([f"Envoy cannot call {' and '.join(addresses)} as one service: TLS is for all"])
        made["transport_socket"] = {"name": "tls", "typed_config": _tls(addresses)}
    return made


def address_of(target: str) -> Json:
    """An address as Envoy has it.

    Raises:
        ConfigError: it has no port, or is of another kind.
    """
    if target.startswith("unix:"):
        return {"pipe": {"path": target.removeprefix("unix:").removeprefix("//")}}
    found = host_and_port(target.partition("://")[2] or target)
    if found is None:
        raise ConfigError([f"Envoy cannot call {target!r}: write grpc://host:port"])
    return {"socket_address": {"address": found[0], "port_value": found[1]}}


def host_and_port(text: str) -> tuple[str, int] | None:
    """The parts of `host:port`, without the brackets of IPv6; None for what has another form."""
    found = _HOST_AND_PORT.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 2**16:
        return None
    return found["host"].strip("[]"), int(found["port"])


def numeric(host: str) -> str:
    """A numeric address as certificates have it; empty for a name."""
    try:
        return str(ip_address(host))
    except ValueError:
        return ""


def _type_of(addresses: Sequence[str]) -> str:
    """STATIC for sockets and numeric addresses, STRICT_DNS for names."""
    found = [address_of(each) for each in addresses]
    if not any("pipe" not in each and not numeric(_host(each)) for each in found):
        return "STATIC"
    if any("pipe" in each for each in found):
        raise ConfigError(
            [f"Envoy cannot call {' and '.join(addresses)} as one service: write host:port for all"]
        )
    return "STRICT_DNS"


def _host(address: Json) -> str:
    host: str = address["socket_address"]["address"]
    return host


def _levels(places: Sequence[Place]) -> list[Json]:
    """The endpoints by priority: a further level gets calls when the first is unhealthy."""
    weights = {weight for *_, weight in places}
    largest = max(weights, default=0)
    ranked = groupby(sorted(places, key=_priority), _priority)
    return [
        {
            "priority": number,  # without gaps
            "lb_endpoints": [
                {"endpoint": {"address": address_of(address)}}
                | (
                    {"load_balancing_weight": max(1, round(weight / largest * 10**6))}
                    if len(weights) > 1
                    else {}
                )
                for address, _, weight in level
            ],
        }
        for number, (_, level) in enumerate(ranked)
    ]


def _priority(place: Place) -> int:
    return place[1]


def _tls(addresses: Sequence[str]) -> Json:
    hosts = [_host(address_of(each)) for each in addresses]
    names = [host for host in hosts if not numeric(host)]
    certified = [
        {"san_type": "IP_ADDRESS" if numeric(host) else "DNS", "matcher": {"exact": numeric(host) or host}}
        for host in hosts
    ]
    authorities = {"trusted_ca": {"filename": ssl.get_default_verify_paths().cafile or ""}}
    return {
        "@type": f"{TYPES}.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        **({"sni": names[0]} if names else {}),
        "common_tls_context": {
            "alpn_protocols": ["h2"],
            "validation_context": {**authorities, "match_typed_subject_alt_names": certified},
        },
    }
