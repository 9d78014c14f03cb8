"""The settings of a BFF."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.security import SigningKey
from frontispiece.settings import Directory, Settings, TokenSettings, TrustedIssuer
from frontispiece.stores.valkey import OFF, BestEffortValkey, ValkeyUrl
from frontispiece.units import Duration


class OptionalTokenSettings(TokenSettings):
    """Issuers whose internal tokens are accepted; without any, every caller is anonymous."""

    issuers: dict[str, TrustedIssuer] = Field(
        default_factory=dict,
        description="The callers whose tokens are accepted, as JSON by name, each with its Ed25519 public "
        "keys and what its tokens may say; without any, every caller is anonymous.",
    )


class BffSettings(Settings):
    """Settings of a BFF none of whose pages asks for its caller's `Identity`."""

    model_config = SettingsConfigDict(env_prefix="BFF_")

    expose_timeline: bool = Field(
        False,
        description="Whether clients may request a page's timeline (`front explain`): not for the public.",
    )
    accept_any_document: bool = Field(
        False,
        description="Whether GraphQL clients may send any document, and use GraphiQL: not for the public.",
    )
    cache_url: ValkeyUrl = Field(
        OFF, description="URL of the Valkey in which the processes of a BFF share cached results."
    )
    max_loop_lag: Duration | None = Field(
        None,
        description="The lag of the event loop, such as `50ms`, beyond which pages do without optional "
        "sources.",
    )
    signing_key: SigningKey | None = Field(
        None, description="Ed25519 private key in PEM that signs the tokens for services.", repr=False
    )
    directory: Directory = Field(default_factory=Directory)
    tokens: OptionalTokenSettings = Field(default_factory=OptionalTokenSettings)

    def shared_cache(self) -> BestEffortValkey | None:
        """The cache that processes share; None without one."""
        return None if self.cache_url == OFF else BestEffortValkey(self.cache_url)


class AuthenticatedBffSettings(BffSettings):
    """Settings of a BFF with a page that asks for its caller's `Identity`: it verifies and signs tokens."""

    signing_key: SigningKey = Field(
        description="Ed25519 private key in PEM that signs the tokens for services.", repr=False
    )
    tokens: TokenSettings = Field(  # type: ignore[assignment]  # it has to name issuers
        default_factory=TokenSettings
    )
