"""Which layer of a route refuses calls with which kind of problem."""

from collections.abc import Mapping
from typing import Final

from frontispiece.gateway.observability.metrics import PASSED_ON

SERVICE: Final = "service"
"""Who is behind all layers: failures of services, of files, and of aggregates."""

_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "cors": ("origin-refused",),
    "body_limit": ("body-too-large",),
    "load_shedding": ("overloaded",),
    "auth": (
        "claim-missing",
        "cookie-duplicated",
        "cross-site",
        "csrf-header-missing",
        "dpop-proof-invalid",
        "insufficient-user-authentication",
        "login-failed",
        "scope-missing",
        "session-missing",
        "token-invalid",
        "token-missing",
    ),
    "rate_limit": ("rate-limited",),
    "idempotency": (
        "idempotency-key-invalid",
        "idempotency-key-missing",
        "idempotency-key-reused",
        "idempotency-unavailable",
        "request-in-progress",
    ),
    "request_validation": ("invalid-request", "validation-unavailable"),
    "cache": ("not-cached",),
    "timeout": ("body-too-slow", "upstream-timeout"),
}

_LAYERS: Final = {kind: layer for layer, kinds in _KINDS.items() for kind in kinds}


def layer_of(kind: str) -> str:
    """The layer that refuses with a kind of problem; `service` for what comes from behind all of them."""
    return SERVICE if kind == PASSED_ON else _LAYERS.get(kind, SERVICE)
