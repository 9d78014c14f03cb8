"""The provider for tests, at which people log in: codes, refresh tokens that are used up, and logouts."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode
from uuid import uuid4

from tests.support.issuer import Issuer, answer
from tests.support.serving import Serve
from tests.support.stub import Exchange

SECRET = "of the gateway & nobody else"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass
class Grant:
    """What came of one login: a chain of refresh tokens, of which the last is good."""

    subject: str
    scope: str
    nonce: str | None
    sid: str = field(default_factory=lambda: uuid4().hex)
    tokens: list[str] = field(default_factory=list)
    has_ended: bool = False


class LoginIssuer(Issuer):
    """Whoever comes to `/authorize` is `user` at once. A refresh token that comes twice ends its grant."""

    def __init__(self) -> None:
        super().__init__()
        self.user: str | None = "reader"
        self.redirected: dict[str, str | None] = {}
        """Parameters of its answers to browsers that are other than usual; None leaves one out."""
        self.identity: dict[str, Any] = {}
        """Claims of its ID tokens that are other than usual; None leaves one out."""
        self.given: dict[str, Any] = {}
        """Members of the token endpoint's answers that are other than usual; None leaves one out."""
        self.codes: dict[str, tuple[dict[str, str], Grant]] = {}
        self.grants: list[Grant] = []
        self.forms: list[dict[str, str]] = []
        """The forms that the token endpoint got."""
        self.revoked: list[str] = []
        self.loses_answers = False
        """The token endpoint does what it is asked, but its answer does not arrive."""
        self.allows_reuse = False
        """A refresh token that comes twice is a lost answer's: it gets another successor."""
        self.endpoints |= {
            ("GET", "/authorize"): self._authorize,
            ("POST", "/token"): self._token,
            ("POST", "/revoke"): self._revoke,
        }

    @property
    def refreshed(self) -> int:
        """How often a refresh token was brought."""
        return sum(form["grant_type"] == "refresh_token" for form in self.forms)

    def logout_token(self, **changed: Any) -> str:
        """A logout token for the gateway; None leaves a claim out."""
        now = int(self.clock())
        usual = {
            "iss": self.url,
            "aud": "web",
            "iat": now,
            "exp": now + 120,
            "jti": uuid4().hex,
            "events": {LOGOUT_EVENT: {}},
        }
        claims = {name: value for name, value in (usual | changed).items() if value is not None}
        return self.signed(claims, headers={"typ": "logout+jwt"})

    async def _authorize(self, exchange: Exchange) -> None:
        asked = dict(parse_qsl(exchange.query.decode()))
        said: dict[str, str | None] = {"state": asked["state"], "iss": self.url}
        if self.user is None:
            said["error"] = "access_denied"
        else:
            said["code"] = code = secrets.token_urlsafe(16)
            grant = Grant(self.user, asked["scope"], asked["nonce"])
            self.grants.append(grant)
            self.codes[code] = asked, grant
        query = urlencode({n: v for n, v in (said | self.redirected).items() if v is not None})
        await exchange.start(302, (b"location", f"{asked['redirect_uri']}?{query}".encode()))
        await exchange.end()

    async def _token(self, exchange: Exchange) -> None:
        form = dict(parse_qsl((await exchange.read()).decode(), keep_blank_values=True))
        self.forms.append(form)
        if not _is_gateway(exchange):
            await answer(exchange, 401, {"error": "invalid_client"})
            return
        grant = self._grant(form)
        if grant is None:
            await answer(exchange, 400, {"error": "invalid_grant"})
            return
        said = self._tokens(grant)
        if self.loses_answers:
            await answer(exchange, 502, {"error": "lost"})
        else:
            await answer(exchange, 200, said)

    def _grant(self, form: dict[str, str]) -> Grant | None:
        if form["grant_type"] == "refresh_token":
            grant = next((g for g in self.grants if form["refresh_token"] in g.tokens), None)
            if grant is None or grant.has_ended:
                return None
            if form["refresh_token"] != grant.tokens[-1] and not self.allows_reuse:
                grant.has_ended = True
                return None
            return grant
        asked, grant = self.codes.pop(form["code"], ({}, None))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        fits = (
            asked.get("code_challenge") == challenge.decode().rstrip("=")
            and asked.get("code_challenge_method") == "S256"
            and asked.get("redirect_uri") == form["redirect_uri"]
        )
        return grant if fits else None

    def _tokens(self, grant: Grant) -> dict[str, Any]:
        grant.tokens.append(f"refresh-{secrets.token_urlsafe(16)}")
        now = int(self.clock())
        identity = {
            "iss": self.url,
            "sub": grant.subject,
            "aud": "web",
            "sid": grant.sid,
            "nonce": grant.nonce,
            "iat": now,
            "exp": now + 300,
            "name": grant.subject.title(),
            "email": f"{grant.subject}@shop.example",
            "preferred_username": grant.subject,
        }
        claims = {name: value for name, value in (identity | self.identity).items() if value is not None}
        scopes = grant.scope.split()
        said = {
            "access_token": self.token(grant.subject, *scopes, sid=grant.sid, client_id="web"),
            "token_type": "Bearer",
            "expires_in": 300,
            "refresh_token": grant.tokens[-1],
            "id_token": self.signed(claims, headers={"typ": None}),
            "scope": grant.scope,
        }
        return {name: value for name, value in (said | self.given).items() if value is not None}

    async def _revoke(self, exchange: Exchange) -> None:
        form = dict(parse_qsl((await exchange.read()).decode()))
        self.revoked.append(form["token"])
        for grant in self.grants:
            grant.has_ended |= form["token"] in grant.tokens
        await answer(exchange, 200, {})


def _is_gateway(exchange: Exchange) -> bool:
    scheme, _, pair = exchange.all(b"authorization")[0].decode().partition(" ")
    client, _, secret = base64.b64decode(pair).decode().partition(":")
    return (scheme, unquote_plus(client), unquote_plus(secret)) == ("Basic", "web", SECRET)


async def login_issuer_at(serve: Serve) -> LoginIssuer:
    """Such an issuer on a real socket."""
    issuer = LoginIssuer()
    issuer.url = await serve(issuer)
    return issuer
