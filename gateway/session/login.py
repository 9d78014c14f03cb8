"""Logging in: to the issuer and back (OpenID Connect Core 1.0, 3.1, with PKCE, RFC 7636, and RFC 9207).

A login in progress is kept by the browser, sealed in a cookie: however many are begun, nothing is kept here.
"""

import base64
import binascii
import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from gateway.call import Call
from gateway.oidc import Metadata, Provider, TokenRefused
from gateway.session import cookies, return_to
from gateway.session.answers import Unreadable, fields, redirect, with_query
from gateway.session.entering import Entering, Proof
from gateway.upstream import Reply
from kit.problems import Problem
from kit.sealing import NotSealed, Ring
from kit.tokens import GUEST, InvalidToken

log = logging.getLogger(__name__)

PURPOSE: Final = b"frontispiece login\0"

LONGEST_SUBJECT: Final = 255
"""Characters of a subject at most (OpenID Connect Core 1.0, 2)."""

_STATE = re.compile(r"[A-Za-z0-9_-]{43}")
_ERROR = re.compile(r"[A-Za-z0-9_.-]{1,64}")

REFUSED: Final = frozenset(
    {
        "access_denied",
        "login_required",
        "interaction_required",
        "consent_required",
        "account_selection_required",
    }
)
"""What the issuer says when it is the user who does not log in."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A login in progress.

    Args:
        state: names it.
        nonce: is found again in its ID token.
        verifier: proves to the issuer that the code is brought by whoever began.
        return_to: where the browser goes then.
        session: where the browser's session was kept; its `Strict` cookie may not come back with it.
        at: when it began, seconds since 1970.
    """

    state: str
    nonce: str
    verifier: str
    return_to: str
    session: str | None
    at: float


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Begun).decode


class Login:
    """The way to the issuer and back.

    Args:
        provider: the issuer.
        entering: makes the session.
        ring: seals logins in progress.
        client_id: by which the issuer knows this gateway.
        scopes: what is asked for.
        callback: the URL that browsers come back to.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        entering: Entering,
        ring: Ring,
        client_id: str,
        scopes: tuple[str, ...],
        callback: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._entering = entering
        self._ring = ring
        self._client_id = client_id
        self._scopes = scopes
        self._callback = callback
        self._clock = clock

    async def begin(self, call: Call) -> Reply:
        """Send the browser to the issuer."""
        begun = Begun(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(32),
            return_to=return_to.checked(_query(call).get("return_to") or "/"),
            session=cookies.session_key(call.headers),
            at=self._clock(),
        )
        endpoint = (await self._provider.metadata()).authorization_endpoint
        name = cookies.login_name(begun.state)
        call.told += [cookies.no_login(old) for old in _too_many(call)]
        call.told.append(cookies.login(name, self._sealed(name, begun)))
        return redirect(with_query(endpoint, self._asked(begun)))

    def _asked(self, begun: Begun) -> dict[str, str]:
        challenge = hashlib.sha256(begun.verifier.encode()).digest()
        settings = self._provider.settings
        return {
            **settings.login_parameters,
            **settings.asked_for,
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._callback,
            "scope": " ".join(self._scopes),
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }

    async def end(self, call: Call) -> Reply:
        """Take the browser back from the issuer, with a new session."""
        query = _query(call)
        begun = self._begun(call, query.get("state", ""))
        call.told.append(cookies.no_login(cookies.login_name(begun.state)))
        _check_issuer(query, await self._provider.metadata())
        if error := query.get("error"):
            raise _told(error)
        if not (code := query.get("code")):
            raise _failed("The issuer sent no code.")
        earlier = await self._entering.earlier(
            key for key in (cookies.session_key(call.headers), begun.session) if key is not None
        )
        proof = await self._proof(code, begun)
        session_id = await self._entering.enter(proof, earlier, call.request_id)
        call.told.append(cookies.session(session_id))
        return redirect(begun.return_to)

    async def _proof(self, code: str, begun: Begun) -> Proof:
        """Who has logged in."""
        asked = self._clock()
        try:
            tokens = await self._provider.exchange(code, begun.verifier, self._callback)
            claims = await self._provider.id_token(tokens.id_token or "", begun.nonce)
            _check_subject(claims)
        except TokenRefused as refusal:
            log.warning("the issuer gives no tokens for a login: %s", refusal)
            raise _failed(
                "The issuer gives no tokens: the login was used already, or took too long."
            ) from None
        except InvalidToken as fault:
            log.warning("a login fails: %s", fault)
            raise _failed(f"{fault}.") from None
        return Proof(
            subject=claims["sub"],
            claims=claims,
            tokens=tokens,
            scopes=frozenset(self._scopes) if tokens.scope is None else tokens.scope,
            mark=begun.state,
            asked=asked,
        )

    def _begun(self, call: Call, state: str) -> Begun:
        """The login in progress that a callback belongs to: one that this very browser began.

        Raises:
            Problem: 400 `login-failed`: there is none.
        """
        if _STATE.fullmatch(state):
            name = cookies.login_name(state)
            found = cookies.values(call.headers, name)
            begun = self._opened(name, found[0]) if len(found) == 1 else None
            if begun is not None and hmac.compare_digest(begun.state, state):
                return begun
        raise _failed("This browser has begun no such login, or it took too long: begin anew.")

    def _sealed(self, name: bytes, begun: Begun) -> bytes:
        return base64.urlsafe_b64encode(self._ring.seal(_encode(begun), PURPOSE + name)).rstrip(b"=")

    def _opened(self, name: bytes, value: bytes) -> Begun | None:
        try:
            sealed = base64.urlsafe_b64decode(value + b"=" * (-len(value) % 4))
            begun = _decode(self._ring.open(sealed, PURPOSE + name))
        except (binascii.Error, NotSealed, msgspec.MsgspecError):
            return None
        return begun if self._clock() < begun.at + cookies.LOGIN_SECONDS else None


def _query(call: Call) -> dict[str, str]:
    try:
        return fields(call.query)
    except Unreadable as fault:
        raise Problem(400, "query-unreadable", f"The query cannot be read: {fault}.") from None


def _too_many(call: Call) -> list[bytes]:
    """Logins that the browser has begun and should forget, so that its requests stay small."""
    begun = list(dict.fromkeys(cookies.names(call.headers, cookies.LOGIN)))
    known = [name for name in begun if re.fullmatch(rb"[0-9a-f]{8}", name.removeprefix(cookies.LOGIN))]
    return known[: max(0, len(known) - cookies.MOST_LOGINS + 1)]


def _check_issuer(query: dict[str, str], metadata: Metadata) -> None:
    """Make sure that the answer is of the issuer that was asked, and of no other (RFC 9207)."""
    issuer = query.get("iss")
    if issuer is None and metadata.iss_in_response:
        raise _failed("The answer does not say which issuer it is of.")
    if issuer is not None and issuer != metadata.issuer:
        raise _failed("The answer is of another issuer.")


def _check_subject(claims: dict[str, Any]) -> None:
    subject = claims["sub"]
    if len(subject) > LONGEST_SUBJECT or subject.startswith(GUEST):
        raise InvalidToken("The ID token has no subject that can be a user's")


def _told(error: str) -> Problem:
    said = error if _ERROR.fullmatch(error) else "unknown"
    detail = f"The issuer has not logged you in: {said}."
    return _failed(detail, status=401 if said in REFUSED else 400, error=said)


def _failed(detail: str, *, status: int = 400, **members: str) -> Problem:
    return Problem(status, "login-failed", detail, headers={"Cache-Control": "no-store"}, **members)
