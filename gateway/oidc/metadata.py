"""What the issuer says of itself (OpenID Connect Discovery 1.0)."""

from dataclasses import dataclass
from typing import Any, Self

from gateway.oidc.errors import ProviderUnavailable
from gateway.oidc.settings import OFF, IssuerSettings, is_secure, split

WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """Where its endpoints are, as browsers see them.

    Args:
        issuer: its URL, as in its tokens.
        authorization_endpoint: where browsers are sent to log in.
        token_endpoint: where codes and refresh tokens become access tokens.
        jwks_uri: where its keys are.
        end_session_endpoint: where browsers are sent to log out.
        revocation_endpoint: where tokens are given back.
        iss_in_response: whether it says in its answers to browsers who it is (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    revocation_endpoint: str | None = None
    iss_in_response: bool = False

    @classmethod
    def read(cls, document: dict[str, Any], issuer: str) -> Self:
        """The metadata in a discovery document.

        Raises:
            ProviderUnavailable: it is another issuer's, or lacks an endpoint, or has one that is not secure.
        """
        if document.get("issuer") != issuer:
            raise ProviderUnavailable(f"the document of {issuer} says that it is of another issuer")

        def url(name: str) -> str | None:
            return _url(document.get(name), name)

        def needed(name: str) -> str:
            if (found := url(name)) is None:
                raise ProviderUnavailable(f"the issuer's document has no {name}")
            return found

        return cls(
            issuer=issuer,
            authorization_endpoint=needed("authorization_endpoint"),
            token_endpoint=needed("token_endpoint"),
            jwks_uri=needed("jwks_uri"),
            end_session_endpoint=url("end_session_endpoint"),
            revocation_endpoint=url("revocation_endpoint"),
            iss_in_response=document.get("authorization_response_iss_parameter_supported") is True,
        )


def _url(value: object, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ProviderUnavailable(f"the issuer's {name} is no URL")
    try:
        parts = split(value.partition("?")[0])  # an endpoint may have a query of its own
    except ValueError as fault:
        raise ProviderUnavailable(f"the issuer's {name}: {fault}") from fault
    if not is_secure(parts):
        raise ProviderUnavailable(f"the issuer's {name} is not https")
    return value


class Way:
    """How this gateway reaches the issuer's URLs."""

    def __init__(self, settings: IssuerSettings) -> None:
        self._issuer = settings.url.rstrip("/")
        self._via = None if settings.via == OFF else settings.via

    @property
    def document(self) -> str:
        """Where the discovery document is read."""
        return (self._via or self._issuer) + WELL_KNOWN

    def to(self, url: str) -> str:
        """A URL of the document, as it is reached from here."""
        if self._via is None or not (
            url == self._issuer or url.startswith((f"{self._issuer}/", f"{self._issuer}?"))
        ):
            return url
        return self._via + url.removeprefix(self._issuer)
