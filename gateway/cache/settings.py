"""How much is kept of answers, and where else than in this process."""

from typing import Final

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from gateway.cache.http_cache import MOST_BYTES, HttpCache
from gateway.page.shared_cache import SharedStore
from kit.settings import Settings

OFF: Final = "off"


class CacheSettings(Settings):
    """The cache for answers; a table whose routes do not cache needs none of it."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    cache_bytes: int = Field(
        MOST_BYTES,
        ge=1,
        description="Of all answers that a process keeps: those unused for longest go first.",
    )
    valkey_url: str = Field(
        OFF,
        description="Where gateways find each other's answers: `unix://path` or `valkey://host:port/number`.",
    )

    @field_validator("valkey_url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        if url != OFF and not url.startswith(("unix://", "valkey://", "valkeys://")):
            raise ValueError(f'write "unix://path", "valkey://host:port/number", or "{OFF}"')
        return url

    def open(self) -> HttpCache:
        """The cache that these describe."""
        store = None if self.valkey_url == OFF else SharedStore(self.valkey_url)
        return HttpCache(most_bytes=self.cache_bytes, store=store)
