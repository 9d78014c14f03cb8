"""A FastAPI app as a service: problems, health, tokens, idempotency, pagination, entity tags.

Stability: stable.

Names of modules that need an extra (`sql`, `grpc`) are imported when they are first used.
"""

from typing import TYPE_CHECKING

from frontispiece.http import ServerSentEvent
from frontispiece.lazy import lazy
from frontispiece.service.app import ResponseBody, create_service, from_state, register_collectors
from frontispiece.service.callers import Caller, public, require_scope
from frontispiece.service.entity_tags import IfMatch, etag, expected_version, set_etag
from frontispiece.service.event_stream import EventStream
from frontispiece.service.openapi import responds
from frontispiece.service.pagination import Cursor, Limit, Slice, decode_cursor, encode_cursor, slice_of
from frontispiece.service.positions import MinPosition, set_position
from frontispiece.service.store_app import add_if_empty, create_store_service
from frontispiece.telemetry.metrics import CombinedCollector

__all__ = [
    "Caller",
    "CombinedCollector",
    "Cursor",
    "EventStream",
    "IdempotencyKey",
    "IdempotencyRecords",
    "IfMatch",
    "Intent",
    "Limit",
    "MinPosition",
    "ResponseBody",
    "RpcInterceptor",
    "ServerSentEvent",
    "Slice",
    "add_if_empty",
    "create_service",
    "create_store_service",
    "decode_cursor",
    "encode_cursor",
    "etag",
    "expected_version",
    "from_state",
    "public",
    "register_collectors",
    "registered_as",
    "require_scope",
    "responds",
    "rpc_caller",
    "serve_rpc",
    "set_etag",
    "set_position",
    "slice_of",
    "tracing_interceptors",
]

if TYPE_CHECKING:
    from frontispiece.service.grpc import (
        RpcInterceptor,
        registered_as,
        rpc_caller,
        serve_rpc,
        tracing_interceptors,
    )
    from frontispiece.service.idempotency import IdempotencyKey, IdempotencyRecords, Intent
else:
    __getattr__ = lazy(
        __name__,
        grpc="RpcInterceptor registered_as rpc_caller serve_rpc tracing_interceptors",
        idempotency="IdempotencyKey IdempotencyRecords Intent",
    )
