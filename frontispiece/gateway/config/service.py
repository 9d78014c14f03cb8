"""A service of a route table: its addresses, and what protects it."""

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, StrictBool, field_validator, model_validator

from frontispiece.gateway.config.base import ConfigModel
from frontispiece.upstream.config import BreakerPolicy, ConcurrencyPolicy, HealthPolicy
from frontispiece.upstream.factory import DISCOVERED, GRPC_SCHEMES, url_errors

if TYPE_CHECKING:
    from frontispiece.upstream.transports.grpc.descriptors import Descriptors

NO_HEALTH_CHECK: Final = "none"
DEFAULT_READINESS_PATH: Final = "/health/ready"


def _health(written: object) -> object:
    if written == NO_HEALTH_CHECK or isinstance(written, HealthPolicy):
        return written
    return HealthPolicy.model_validate(written)  # here, so that its faults have the place they are written at


Health = Annotated[
    HealthPolicy | Literal["none"],
    BeforeValidator(_health, json_schema_input_type=HealthPolicy | Literal["none"]),
]


class Service(ConfigModel):
    """A service that routes lead to."""

    url: tuple[str, ...] = Field(
        min_length=1,
        description="http://host:port, grpc://host:port, registry://name or app://module:factory; several of "
        "them as a list",
    )
    health: Health | None = Field(
        None,
        description="The path of its health check (/health/ready when left out), and when each of several "
        "addresses is checked. none: it has no health check.",
    )
    needed: StrictBool | None = Field(
        None,
        description="Whether the gateway is unready without it. When left out: whether routes or guest_merge "
        "lead to it otherwise than by mirrors and optional parts.",
    )
    breaker: BreakerPolicy | None = Field(None, description="Leave it alone when too many calls fail.")
    concurrency: ConcurrencyPolicy | None = Field(None, description="How many calls it gets at a time.")
    descriptors: str | None = Field(
        None,
        min_length=1,
        description="For a service over gRPC: the file with its descriptor set, relative to the folder of "
        "frontispiece.toml, as `protoc --include_imports --descriptor_set_out` writes it.",
    )
    audience: str | None = Field(
        None, min_length=1, description="The audience of its internal tokens: its name here when left out."
    )

    _descriptors: "Descriptors | None" = PrivateAttr(None)

    @field_validator("url", mode="before", json_schema_input_type=str | list[str])
    @classmethod
    def _one_or_many(cls, url: object) -> object:
        return [url] if isinstance(url, str) else url

    @field_validator("url")
    @classmethod
    def _addresses(cls, url: tuple[str, ...]) -> tuple[str, ...]:
        if faults := [*url_errors(url)]:
            raise ValueError("; ".join(faults))
        return url

    def of_version(self, name: str) -> Self:
        """The service `name@version`: the same with the instances of this version alone."""
        base, _, version = name.partition("@")
        return self.model_copy(
            update={
                "url": (f"{self.url[0]}@{version}",),
                "audience": self.audience or base,
                "needed": False,  # where there are none, the others serve
            }
        )

    @model_validator(mode="after")
    def _speaks(self) -> Self:
        spoken = {url.partition("://")[0] for url in self.url}
        if spoken & GRPC_SCHEMES and self.descriptors is None:
            raise ValueError("descriptors is missing: the file that says which methods are spoken over gRPC")
        if self.descriptors is not None and spoken - GRPC_SCHEMES - DISCOVERED:
            raise ValueError("descriptors is for services over gRPC: url begins with grpc:// or registry://")
        return self

    @property
    def grpc(self) -> "Descriptors | None":
        """The descriptors of a service over gRPC; None for one over HTTP."""
        return self._descriptors

    def with_descriptors(self, descriptors: "Descriptors") -> Self:
        """A copy that has read its descriptors."""
        copy = self.model_copy()
        copy._descriptors = descriptors  # noqa: SLF001 (of its own class)
        return copy

    @property
    def health_checks(self) -> HealthPolicy | None:
        """How each of several addresses is checked in rounds; None when they are not."""
        return None if self.health == NO_HEALTH_CHECK else self.health

    @property
    def readiness_path(self) -> str | None:
        """Where the gateway's readiness asks; None when it does not."""
        if self.health is None:
            return DEFAULT_READINESS_PATH
        return self.health_checks.path if self.health_checks else None
