"""The authorization code flow (OpenID Connect Core 1.0, 3.1, with PKCE, RFC 7636, and RFC 9207).

A login in progress is in a cookie of the browser, encrypted: however many are started, nothing is stored
here.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import re
import secrets
from typing import Any, Final

import msgspec

from frontispiece.gateway.auth.oidc import Metadata, TokenRefused, TokenResponse
from frontispiece.gateway.auth.session import cookies
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.create import SessionCreator
from frontispiece.gateway.auth.session.login_link import (
    check_age,
    check_return_to,
    login_parameters,
    requested_with,
)
from frontispiece.gateway.auth.session.responses import InvalidFields, read_fields, redirect, with_query
from frontispiece.gateway.call import Call
from frontispiece.http.problems import Problem
from frontispiece.security import DecryptionError, InvalidToken
from frontispiece.upstream import Reply

log = logging.getLogger(__name__)

PURPOSE: Final = b"frontispiece login\0"

_STATE = re.compile(r"[A-Za-z0-9_-]{43}")
_ERROR = re.compile(r"[A-Za-z0-9_.-]{1,64}")

USER_ERRORS: Final = frozenset(
    {
        "access_denied",
        "login_required",
        "interaction_required",
        "consent_required",
        "account_selection_required",
    }
)
"""Error codes of the issuer that mean that the user has not logged in."""


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A login in progress.

    Args:
        state: its id.
        session: the store key of the browser's session: its `Strict` cookie may not come back with the
            callback.
        guest: that of its guest's session.
    """

    state: str
    nonce: str
    verifier: str
    return_to: str
    session: str | None
    guest: str | None = None
    started_at: float
    parameters: dict[str, str] = {}


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(AuthorizationRequest).decode


class AuthorizationCodeFlow:
    """The endpoints `/login` and `/callback`."""

    def __init__(self, context: SessionContext, creator: SessionCreator) -> None:
        self._context = context
        self._provider = context.provider
        self._creator = creator
        self._redirect_uri = context.settings.origin + context.url("/callback")

    async def start(self, call: Call) -> Reply:
        """Redirect the browser to the issuer."""
        query = _query(call)
        request = AuthorizationRequest(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(32),
            return_to=check_return_to(query.get("return_to") or "/"),
            session=cookies.session_key(call.headers),
            guest=cookies.session_key(call.headers, cookies.GUEST),
            started_at=self._context.clock(),
            parameters=login_parameters(query),
        )
        endpoint = (await self._provider.metadata()).authorization_endpoint
        name = cookies.login_name(request.state)
        call.response_headers += [cookies.delete_login(old) for old in _surplus_logins(call)]
        call.response_headers.append(cookies.set_login(name, self._encrypt(name, request)))
        return redirect(with_query(endpoint, self._parameters(request)))

    async def callback(self, call: Call) -> Reply:
        """Take the browser back from the issuer, with a new session."""
        query = _query(call)
        request = self._request(call, query.get("state", ""))
        call.response_headers.append(cookies.delete_login(cookies.login_name(request.state)))
        _check_issuer(query, await self._provider.metadata())
        if error := query.get("error"):
            if error in USER_ERRORS and request.parameters.get("prompt") == "none":
                return redirect(request.return_to)  # a silent login: nobody was asked, and nobody is told
            raise _issuer_error(error)
        if not (code := query.get("code")):
            raise _login_failed("The issuer sent no code.")
        sent = (cookies.session_key(call.headers, name) for name in (cookies.SESSION, cookies.GUEST))
        keys = (*sent, request.session, request.guest)
        previous = await self._creator.previous(key for key in keys if key is not None)
        claims, tokens = await self._authenticate(code, request)
        session_id = await self._creator.create(
            request.state, claims, tokens, previous=previous, request_id=call.request_id
        )
        call.response_headers.append(cookies.set_session(session_id))
        return redirect(request.return_to)

    def _parameters(self, request: AuthorizationRequest) -> dict[str, str]:
        challenge = hashlib.sha256(request.verifier.encode()).digest()
        settings = self._provider.settings
        return {
            **settings.login_parameters,
            **settings.token_parameters,
            **requested_with(request.parameters, settings.login_parameters),
            "response_type": "code",
            "client_id": self._context.settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(self._context.config.scopes),
            "state": request.state,
            "nonce": request.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }

    async def _authenticate(
        self, code: str, request: AuthorizationRequest
    ) -> tuple[dict[str, Any], TokenResponse]:
        """Exchange the code for tokens, and verify the ID token; the claims of that, and the tokens."""
        try:
            tokens = await self._provider.exchange(code, request.verifier, self._redirect_uri)
            claims = await self._provider.id_token(tokens.id_token or "", request.nonce)
            check_age(claims, request.parameters, request.started_at - self._provider.settings.clock_skew)
        except TokenRefused as error:
            log.warning("the issuer gives no tokens for a login: %s", error)
            raise _login_failed(
                "The issuer gives no tokens: the login was used already, or took too long."
            ) from None
        except InvalidToken as error:
            log.warning("a login fails: %s", error)
            raise _login_failed(f"{error}.") from None
        return claims, tokens

    def _request(self, call: Call, state: str) -> AuthorizationRequest:
        """The login in progress that a callback belongs to, started by the same browser.

        Raises:
            Problem: 400 `login-failed`: there is none.
        """
        if _STATE.fullmatch(state):
            name = cookies.login_name(state)
            found = cookies.value(call.headers, name)
            request = None if found is None else self._decrypt(name, found)
            if request is not None and hmac.compare_digest(request.state, state):
                return request
        raise _login_failed("This browser has started no such login, or it took too long: start anew.")

    def _encrypt(self, name: bytes, request: AuthorizationRequest) -> bytes:
        encrypted = self._context.keyring.encrypt(_encode(request), PURPOSE + name)
        return base64.urlsafe_b64encode(encrypted).rstrip(b"=")

    def _decrypt(self, name: bytes, value: bytes) -> AuthorizationRequest | None:
        try:
            encrypted = base64.urlsafe_b64decode(value + b"=" * (-len(value) % 4))
            request = _decode(self._context.keyring.decrypt(encrypted, PURPOSE + name))
        except (binascii.Error, DecryptionError, msgspec.MsgspecError):
            return None
        return request if self._context.clock() < request.started_at + cookies.LOGIN_TIMEOUT else None


def _query(call: Call) -> dict[str, str]:
    try:
        return read_fields(call.query)
    except InvalidFields as error:
        raise Problem(400, "query-unreadable", f"The query cannot be read: {error}.") from None


def _surplus_logins(call: Call) -> list[bytes]:
    """The cookies of logins that the browser should forget, so that its requests stay small."""
    logins = dict.fromkeys(cookies.names(call.headers, cookies.LOGIN_PREFIX))
    own = [name for name in logins if re.fullmatch(rb"[0-9a-f]{8}", name.removeprefix(cookies.LOGIN_PREFIX))]
    return own[: max(0, len(own) - cookies.MAX_LOGINS + 1)]


def _check_issuer(query: dict[str, str], metadata: Metadata) -> None:
    """Refuse the response of another issuer (RFC 9207)."""
    issuer = query.get("iss")
    if issuer is None and metadata.iss_in_response:
        raise _login_failed("The response does not say which issuer it is of.")
    if issuer is not None and issuer != metadata.issuer:
        raise _login_failed("The response is of another issuer.")


def _issuer_error(error: str) -> Problem:
    code = error if _ERROR.fullmatch(error) else "unknown"
    status = 401 if code in USER_ERRORS else 400
    return _login_failed(f"The issuer has not logged you in: {code}.", status=status, error=code)


def _login_failed(detail: str, *, status: int = 400, **members: str) -> Problem:
    return Problem(status, "login-failed", detail, headers={"Cache-Control": "no-store"}, **members)
