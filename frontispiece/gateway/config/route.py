"""A route: one entry of the public surface, with all its policies."""

import re
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    field_validator,
    model_validator,
)

from frontispiece.extras import check_extra
from frontispiece.gateway.aggregates.config import Part as AggregatePart
from frontispiece.gateway.config.base import ConfigModel
from frontispiece.gateway.config.layers import Layers
from frontispiece.gateway.config.target import Target
from frontispiece.gateway.files.config import Files
from frontispiece.gateway.policies.cache.config import Cache
from frontispiece.gateway.policies.compression.config import Compression
from frontispiece.gateway.policies.cors import Cors
from frontispiece.gateway.policies.idempotency.config import Idempotency
from frontispiece.gateway.policies.load_shedding import Priority
from frontispiece.gateway.policies.mirror import Mirror
from frontispiece.gateway.policies.protected_resource import ProtectedResource
from frontispiece.gateway.policies.rate_limit.config import Limits
from frontispiece.gateway.policies.retry import Retry
from frontispiece.gateway.policies.security_headers import SecurityHeaders
from frontispiece.gateway.policies.traffic_split import Split
from frontispiece.gateway.policies.websocket.config import WebSocket
from frontispiece.http.paths import Template
from frontispiece.units import Duration, LongDuration, Matches, Size

Host = Annotated[
    str, Matches(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", "host name without a port"), AfterValidator(str.lower)
]

COMMON_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

NEVER_FORWARDED: Final = {
    "CONNECT": "it opens a tunnel, which the gateway never does",
    "TRACE": "its response repeats the request, with every credential in it",
}

NATIVE: Final = "gRPC"
"""The method of routes to `grpc://service`, in place of those of HTTP."""

_NATIVE_TO: Final = re.compile(r"grpc://[^/:]+").fullmatch

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _method(name: str) -> str:
    if _TOKEN.fullmatch(name) is None or name == "*":
        raise ValueError(f"{name!r} is no method: it is a token (RFC 9110, 9.1), such as GET or PROPFIND")
    if name.upper() in COMMON_METHODS and not name.isupper():
        raise ValueError(f"methods are in capitals: write {name.upper()!r}")
    if reason := NEVER_FORWARDED.get(name.upper()):
        raise ValueError(f"{name} cannot be served: {reason}")
    return name


Method = Annotated[str, AfterValidator(_method)]


DEFAULT_ISSUER: Final = "default"
"""The issuer of `ISSUER_URL`."""

IssuerName = Annotated[
    str, Matches(r"[a-z][a-z0-9-]{0,30}", "name: up to 31 small letters, digits and -, a letter first")
]
"""The name of an issuer; with a colon, it begins the subjects of its users."""

AcrValue = Annotated[str, Matches(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}", "acr: a word without quotes and \\")]
"""An authentication context class reference, without spaces and quotes."""


def _as_list(written: object) -> object:
    return written if isinstance(written, list) else [written]


_ClaimValue = StrictStr | StrictInt | StrictBool

ClaimValues = Annotated[
    tuple[_ClaimValue, ...],
    BeforeValidator(_as_list, json_schema_input_type=_ClaimValue | list[_ClaimValue]),
    Field(min_length=1),
]
"""The accepted values of a claim: one, or a list."""


class Auth(StrEnum):
    """How the callers of a route prove who they are."""

    NONE = "none"
    BEARER = "bearer"
    SESSION = "session"
    PASSTHROUGH = "passthrough"

    @property
    def identifies_caller(self) -> bool:
        """Whether the gateway finds out who is calling."""
        return self in {Auth.BEARER, Auth.SESSION}


class Route(ConfigModel):
    """One entry of the public surface and its whole policy."""

    path: str = Field(description="A template: {name} stands for a segment, {name:path} for the rest.")
    host: Host | None = Field(None, description="Only for this Host; every host when left out.")
    methods: tuple[Method, ...] = Field(
        ("GET",), min_length=1, description="Any but CONNECT and TRACE; GET answers HEAD as well."
    )
    to: Target | None = Field(
        None,
        description='"service" keeps the path, "service:/path/{name}" gives another, '
        '"grpc://service/Service.Method" calls a method with JSON, "grpc://service" passes native gRPC.',
    )
    parts: dict[str, AggregatePart] | None = Field(
        None,
        min_length=1,
        description="Instead of to: the parts of an aggregate, by the keys of its response.",
    )
    files: Files | None = Field(
        None, description="Instead of to: the folder whose files are served, with what else they need."
    )
    auth: Auth = Field(
        description="none: open, credentials are dropped. bearer: an access token of the issuer. session: a "
        "browser's session. passthrough: credentials are forwarded, and verified by the service."
    )
    issuers: tuple[IssuerName, ...] = Field(
        (DEFAULT_ISSUER,),
        min_length=1,
        description="With bearer: whose access tokens are accepted, by the names in GATEWAY_ISSUERS.",
    )
    guest: StrictBool = Field(
        False, description="With bearer or session: callers without credentials are let in as guests."
    )
    guest_methods: tuple[Method, ...] = Field(
        (),
        description="With bearer: by which guests may call, too, of a route that only reads by them.",
    )
    scopes: tuple[str, ...] = Field((), description="Scopes that a user must have; guests need none.")
    claims: dict[str, ClaimValues] = Field(
        {},
        description='Claims that a user must have, with one of these values: `{ groups = ["staff"] }`.',
    )
    acr_values: tuple[AcrValue, ...] = Field(
        (), description="Kinds of login (acr), one of which a user must have used."
    )
    max_age: LongDuration | None = Field(
        None, description="How long ago a user may have logged in; as long as the session when left out."
    )
    protected_resource: ProtectedResource | None = Field(
        None, description="With bearer: what clients without a token are told (RFC 9728)."
    )
    rate_limit: Limits = Field((), description="How often it may be called; of a list, each limit holds.")
    idempotency: Idempotency | None = Field(
        None, description="Calls with an Idempotency-Key are carried out once."
    )
    validate_requests: StrictBool = Field(
        False, description="Only requests that fit the service's OpenAPI are forwarded."
    )
    cors: Cors | None = Field(None, description="Pages of other origins that may call it.")
    compression: Compression | None = Field(
        None, description="How responses are compressed; not when left out."
    )
    security_headers: SecurityHeaders | Literal[False] | None = Field(
        None, description="Instead of the table's; false: the service's."
    )
    max_body_size: Size | None = Field(None, description='Of the request, such as "1MiB"; any when left out.')
    timeout: Duration = Field(
        timedelta(seconds=10),
        description="From the end of the request's body, which may take as long, to the response headers.",
    )
    cache: Cache | None = Field(None, description="Responses are cached for all callers; not when left out.")
    collapse: StrictBool = Field(
        False, description="With cache: concurrent requests for one response become one."
    )
    priority: Priority = Field(Priority.NORMAL, description="Under too much load, low is refused first.")
    retry: Retry | None = Field(None, description="How failed calls are retried; not when left out.")
    mirror: Mirror | None = Field(None, description="A service that gets copies of calls.")
    split: Split | None = Field(None, description="Services that get a part of the calls instead of to.")
    websocket: WebSocket | None = Field(None, description="WebSockets pass; none when left out.")
    layers: Layers | None = Field(
        None, description="Layers of the project's own that it has, by name: `layers.maintenance = {}`."
    )

    @model_validator(mode="before")
    @classmethod
    def _over_grpc(cls, written: object) -> object:
        if isinstance(written, dict) and "methods" not in written and _NATIVE_TO(str(written.get("to"))):
            return {**written, "methods": [NATIVE]}
        return written

    @field_validator("validate_requests")
    @classmethod
    def _can_validate(cls, wanted: bool) -> bool:  # noqa: FBT001 (a validator's value)
        if wanted:
            check_extra("validation", "jsonschema_rs")
        return wanted

    @field_validator("path")
    @classmethod
    def _template(cls, path: str) -> str:
        Template.parse(path)
        return path

    @property
    def is_native(self) -> bool:
        """Whether its calls are gRPC from the client on."""
        return self.to is not None and self.to.is_native

    @cached_property
    def template(self) -> Template:
        """The path, parsed."""
        return Template.parse(self.path)

    @property
    def name(self) -> str:
        """The label of its metrics and logs: its host, if it has one, and its path."""
        return f"{self.host or ''}{self.path}"

    @property
    def id(self) -> str:
        """Unique in the table: other routes may have the same name for other methods."""
        return f"{','.join(self.methods)} {self.name}"

    @property
    def answered_by(self) -> list[str]:
        """What answers it, in words: its service with the path there, its parts, or its folder."""
        if self.to:
            return [f"{self.to.service}:{self.target}"]
        if self.files:
            return [f"files of {self.files.folder}"]
        return [f"{name}: {part.from_}" for name, part in (self.parts or {}).items()]

    @property
    def variants(self) -> list[Target]:
        """Where its calls are sent: the targets of `to` and of `split`."""
        return [target for target in (self.to, *(each.to for each in self.split or ())) if target]

    @property
    def target(self) -> Template:
        """The path at the service."""
        return (self.to and self.to.path) or self.template
