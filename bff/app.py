"""What the apps of all clients have in common: the services, opened once, provided to every page."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from bff.services import Services
from gateway import page
from gateway.page import SharedStore
from kit.keys import SigningKey
from kit.settings import Directory, Settings, TokenSettings
from kit.tokens import Signer, Verifier

OFF = "off"


class BffSettings(Settings):
    """A BFF's settings."""

    model_config = SettingsConfigDict(env_prefix="BFF_")

    explain: bool = Field(False, description="Whether pages tell their timelines to whoever asks for them.")
    cache_url: str = Field(
        OFF, description="URL of the Valkey in which the processes of a BFF share results."
    )
    signing_key: SigningKey = Field(
        description="Ed25519 private key in PEM: by it services know this BFF.", repr=False
    )
    directory: Directory = Field(default_factory=Directory)
    tokens: TokenSettings = Field(default_factory=TokenSettings)

    @field_validator("cache_url")
    @classmethod
    def _of_valkey(cls, text: str) -> str:
        if text != OFF:
            SharedStore(text)  # which refuses what is no such URL
        return text

    def shared_store(self) -> SharedStore | None:
        """Where processes share results; None when nowhere."""
        return None if self.cache_url == OFF else SharedStore(self.cache_url)


def create_app(*, title: str, description: str, pages: Iterable[page.Page], settings: BffSettings) -> FastAPI:
    """A client's backend, serving its pages."""
    callers = Verifier(settings.tokens, title)
    services = Services(settings.directory, callers, Signer(settings.signing_key, title))
    shared = settings.shared_store()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            if shared is not None:
                await opened.enter_async_context(shared)
            await opened.enter_async_context(services)
            yield

    return page.create_app(
        title=title,
        description=description,
        pages=pages,
        providers=services.providers(),
        lifespan=lifespan,
        ready=services.ready,
        shared=shared,
        explains=settings.explain,
    )
