"""One entry of the public surface, and how browsers log in: the parts of a table that clients see."""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from gateway.aggregate.parts import Part as AggregatePart
from gateway.aggregate.parts import Yes
from gateway.duration import Duration, LongDuration
from gateway.path import Template
from gateway.policies import By, Limits, Part, cors, websocket
from gateway.policies.cache import Cache, cache_faults
from gateway.policies.compress import Compress
from gateway.policies.cors import Cors
from gateway.policies.idempotency import Idempotency
from gateway.policies.mirror import Mirror
from gateway.policies.priority import Priority
from gateway.policies.resilience import faults_of
from gateway.policies.retry import Retry
from gateway.policies.security_headers import SecurityHeaders
from gateway.policies.split import Split
from gateway.policies.target import Target
from gateway.policies.websocket import WebSocket
from gateway.size import Size

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"), AfterValidator(str.lower)]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
"""What RFC 6749 lets a scope be."""

TELLING: Final = 'set auth = "bearer" or "session"'


class Auth(StrEnum):
    """How the callers of a route prove who they are."""

    NONE = "none"
    BEARER = "bearer"
    SESSION = "session"
    SERVICE = "service"

    @property
    def tells_who(self) -> bool:
        """Whether the gateway finds out who is calling."""
        return self in {Auth.BEARER, Auth.SESSION}


class Route(Part):
    """One entry of the public surface and its whole policy."""

    path: str = Field(description="A template: {name} stands for a segment, {name:path} for the rest.")
    host: Host | None = Field(None, description="Only for this Host; every host when left out.")
    methods: tuple[Method, ...] = Field(("GET",), min_length=1, description="GET answers HEAD as well.")
    to: Target | None = Field(
        None, description='"service" keeps the path, "service:/path/{name}" gives another.'
    )
    parts: dict[str, AggregatePart] | None = Field(
        None, min_length=1, description="Instead of to: what the answer is joined of, by its keys."
    )
    auth: Auth = Field(
        description="none: open, credentials are dropped. bearer: an access token of the issuer. session: a "
        "browser's session. service: credentials go on, for they are the service's own business.",
    )
    guest: Yes = Field(
        False, description="With bearer or session: one without credentials may pass, as a guest."
    )
    scopes: tuple[str, ...] = Field((), description="Scopes that a user must have; guests need none.")
    limit: Limits = Field((), description="How often it may be called; several, as a list, all hold.")
    idempotency: Idempotency | None = Field(None, description="Retries get the first answer; by their key.")
    validates: Yes = Field(
        False, alias="validate", description="Only what fits the service's OpenAPI description reaches it."
    )
    cors: Cors | None = Field(None, description="Which pages of other origins may call it; none at all.")
    compress: Compress | None = Field(None, description="How answers are compressed; not when left out.")
    security_headers: SecurityHeaders | Literal[False] | None = Field(
        None, description="Other ones than the table's; false leaves them to the service."
    )
    body: Size | None = Field(None, description='The longest body, such as "1MiB"; any when left out.')
    timeout: Duration = Field(timedelta(seconds=10), description="Until the answer's headers.")
    cache: Cache | None = Field(None, description="Answers are kept for everybody; none when left out.")
    coalesce: Yes = Field(False, description="With cache: one call for all that ask for the same at once.")
    priority: Priority = Field(Priority.NORMAL, description="When there is too much to do: low ends first.")
    retry: Retry | None = Field(None, description="Whether a failed call is tried again.")
    mirror: Mirror | None = Field(None, description="Who gets a copy of calls.")
    split: Split | None = Field(None, description="Who gets a part of the calls instead of to.")
    websocket: WebSocket | None = Field(None, description="WebSockets pass; none when left out.")

    @field_validator("path")
    @classmethod
    def _template(cls, path: str) -> str:
        Template.parse(path)
        return path

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if faults := list(self._between_keys()):
            raise ValueError("; ".join(faults))
        return self

    def _between_keys(self) -> Iterator[str]:
        if not self.auth.tells_who:
            if self.scopes:
                yield f"scopes ask for a user: {TELLING}"
            if self.guest:
                yield f"guest is for routes that ask who is calling: {TELLING}"
            if any(limit.by is By.USER for limit in self.limit):
                yield f"a limit by user asks for a user: {TELLING}"
        if self.cors:
            yield from cors.faults(self.cors, self.methods)
        if self.auth is Auth.SERVICE and self.parts:
            yield 'auth = "service" hands credentials to one service: parts have several'
        yield from cache_faults(self.cache, self.methods, coalesce=self.coalesce)
        yield from self._of_the_edge()
        unknown = set(self.to.path.names if self.to and self.to.path else ()) - set(self.template.names)
        if unknown:
            yield f"to uses {', '.join(sorted(unknown))}, which the path does not have"
        yield from faults_of(self)
        yield from websocket.faults_of(self)

    def _of_the_edge(self) -> Iterator[str]:
        if self.idempotency and self.auth is Auth.SERVICE:
            yield 'idempotency asks whose answer it is: with auth = "service" only the service knows'
        if self.idempotency and not set(self.methods) - {"GET", "HEAD"}:
            yield "idempotency is for methods that change something: GET and HEAD do not"
        if self.validates and self.parts:
            yield "validate is for routes to one service: parts have several"

    @cached_property
    def template(self) -> Template:
        """The path, parsed."""
        return Template.parse(self.path)

    @property
    def name(self) -> str:
        """By which it is counted: its host, if it is of one alone, and its path."""
        return f"{self.host or ''}{self.path}"

    @property
    def id(self) -> str:
        """What no other route of the table has: others may have its name for other methods."""
        return f"{','.join(self.methods)} {self.name}"

    @property
    def target(self) -> Template:
        """The path at the service."""
        return (self.to and self.to.path) or self.template


class Session(Part):
    """How browsers log in and stay logged in: the gateway keeps their tokens for them."""

    path: str = Field("/web/session", description="Below it are login, callback, logout and user.")
    scopes: tuple[Scope, ...] = Field(
        ("openid", "profile", "email"), description="What is asked for at login; openid always."
    )
    idle: LongDuration = Field(timedelta(minutes=30), description="Without a call for so long it ends.")
    lasts: LongDuration = Field(timedelta(hours=12), description="After so long it ends whatever happens.")
    limit: Limits = Field((), description="How often each of its paths may be called.")
    adopt: tuple[Target, ...] = Field(
        (), description='Who is told that a guest has logged in: "basket:/baskets/{user}/adoption".'
    )

    @field_validator("path")
    @classmethod
    def _is_fixed(cls, path: str) -> str:
        template = Template.parse(path)
        if template.names or path.endswith("/"):
            raise ValueError("the session's path has no placeholders, and no slash at its end")
        return path

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if faults := list(self._between_keys()):
            raise ValueError("; ".join(faults))
        return self

    def _between_keys(self) -> Iterator[str]:
        if "openid" not in self.scopes:
            yield "scopes lack openid, without which nobody is told who logged in"
        if self.idle > self.lasts:
            yield "idle is longer than lasts"
        if any(limit.by is By.USER for limit in self.limit):
            yield "limit: whoever logs in is nobody yet: count by address or by route"
        for target in self.adopt:
            if target.path is None or set(target.path.names) - {"user"}:
                yield f'adopt: {target.service}: write "service:/path" with no placeholder but {{user}}'

    def owns(self, template: Template) -> bool:
        """Whether these are paths at which the session's own endpoints are, or could be."""
        own = Template.parse(self.path).parts
        return template.parts[: len(own)] == own
