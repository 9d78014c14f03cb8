"""The caller of a page, by an internal token."""

from functools import partial

from msgspec.structs import replace

from frontispiece.pages.request import PageRequest
from frontispiece.security import Identity, Signer, Verifier
from frontispiece.settings import TokenSettings


class Callers:
    """Verifies the internal tokens of callers, and signs tokens in their names for services.

    Args:
        name: the BFF's, the audience of its callers' tokens and the issuer of its own.
    """

    def __init__(self, name: str, tokens: TokenSettings, signing_key: str | None) -> None:
        self._verifier = Verifier(tokens, name)
        self._verifies = bool(tokens.issuers)
        self._signer = Signer(signing_key, name) if signing_key else None

    @property
    def verifier(self) -> Verifier | None:
        """Verifies internal tokens; None without issuers."""
        return self._verifier if self._verifies else None

    def identify(self, request: PageRequest) -> PageRequest:
        """The request with its caller, in whose name services are called; unchanged without a token.

        Raises:
            Problem: 401, the token is not valid.
        """
        authorization = request.header("authorization") if self._verifies else None
        if authorization is None:
            return request
        identity = self._verifier.caller(authorization)
        context = request.context
        if self._signer is not None:
            context = replace(context, authorization=partial(self._signer.authorization, identity))
        return replace(request, identity=identity, context=context)

    def required(self, request: PageRequest) -> Identity:
        """The caller.

        Raises:
            Problem: 401, the request has no token.
        """
        return request.identity or self._verifier.caller(None)
