"""The cache of a route, and the memory that all routes share."""

from functools import cached_property
from typing import Annotated, Final

from pydantic import Field, StrictBool
from pydantic_settings import SettingsConfigDict

from frontispiece.gateway.config.base import ConfigModel, FieldName
from frontispiece.settings import Settings
from frontispiece.stores.valkey import OFF, ValkeyUrl
from frontispiece.units import LongDuration, Matches, Size

MAX_BYTES: Final = 64 * 1024 * 1024

Tag = Annotated[str, Matches(r"[!-+\--~]{1,128}", "tag: a word of up to 128 characters without commas")]
"""Responses with the same tag can be purged together: one word, without commas."""


class Cache(ConfigModel):
    """Responses are cached for all callers, as RFC 9111 has it; what they say themselves goes first."""

    ttl: LongDuration | None = Field(
        None, description="How long a response is fresh that does not say; never when left out."
    )
    stale_while_revalidate: LongDuration | None = Field(
        None, description="How long it may be used afterwards while a newer one is fetched."
    )
    stale_if_error: LongDuration | None = Field(
        None, description="How long it may be used afterwards when no newer one can be had."
    )
    public: StrictBool = Field(
        False,
        description="Responses are for all callers, authenticated or not. Not where they depend on them.",
    )
    tags: tuple[Tag, ...] = Field((), description="By which all responses of the route can be purged.")
    max_body_size: Size = Field(1024 * 1024, ge=1, le=1024**3, description="Longer responses are not stored.")
    store_partial: StrictBool = Field(
        False, description="Parts of a representation (206) are stored, and combined where they are of one."
    )
    last_modified_factor: float | None = Field(
        None,
        gt=0,
        le=1,
        description="How long a response is fresh that does not say, as a fraction of the time since its "
        "Last-Modified, a day at most; such as 0.1. Before ttl.",
    )
    target_list: tuple[FieldName, ...] = Field(
        ("Gateway-Cache-Control", "CDN-Cache-Control"),
        description="Targeted fields (RFC 9213): the first that is valid counts instead of Cache-Control.",
    )
    remove_targeted: StrictBool = Field(
        False, description="Fields of target_list are not passed on, where no other cache is to obey them."
    )

    @cached_property
    def target_names(self) -> tuple[bytes, ...]:
        """The names in `target_list`, in lower case."""
        return tuple(name.lower().encode() for name in self.target_list)


class CacheSettings(Settings):
    """The memory of the cache, and the Valkey by which gateways share responses."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    cache_bytes: int = Field(
        MAX_BYTES,
        ge=1,
        description="Bytes of all cached responses in a process: the least recently used go first.",
    )
    valkey_url: ValkeyUrl = Field(OFF, description="It also has the responses that gateways share (`cache`).")
