"""Who is calling: found out here once, for every service behind."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from gateway.call import Call, Handler, Layer
from gateway.oidc import AccessTokens
from gateway.upstream import Headers, Reply
from kit.problems import Problem
from kit.tokens import NOBODY, Identity, InvalidToken, invalid, token_of

CREDENTIALS: Final = frozenset({b"authorization", b"cookie"})
"""What proves somebody to the gateway goes no further: services are told in the gateway's own words."""

OUR_COOKIES: Final = (b"__Host-Http-session", b"__Host-Http-login")
"""How the names begin of the cookies that are nobody's business but the gateway's."""

VARY: Final = (b"vary", b"Authorization")
"""What a guest is shown is not what the same client is shown with a token."""

READING: Final = frozenset({"GET", "HEAD"})

PASSED: Final = "passed"
GUEST: Final = "guest"
BROKEN_OFF: Final = "broken-off"


def anonymous() -> Layer:
    """An open route: credentials stop here, for nothing behind needs them."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            _stop_credentials(call)
            return await inner(call)

        return handle

    return layer


def bearer(access: AccessTokens, scopes: Iterable[str], *, guest: bool = False) -> Layer:
    """Let only calls through that carry an access token with these scopes.

    Args:
        access: tells true tokens from false ones.
        scopes: all of them are needed.
        guest: whether reading calls without any token pass too, on behalf of nobody.
    """
    needed = frozenset(scopes)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            header = call.header(b"authorization")
            if header is None and guest and call.method in READING:
                identity = NOBODY
            else:
                identity = await _proven(access, header)
                if not needed <= identity.scopes:
                    raise _missing(needed - identity.scopes)
            call.identity = identity
            _stop_credentials(call)
            reply = await inner(call)
            if guest:
                reply.headers.append(VARY)
            return reply

        return handle

    return layer


def passed() -> Layer:
    """A route of a service that asks for credentials itself: they pass, but for the gateway's own cookies."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            call.headers = list(_without_our_cookies(call.headers))
            return await inner(call)

        return handle

    return layer


def counted(count: Callable[[str], None]) -> Layer:
    """Count what the next layer inside finds out: `passed`, `guest`, or the kind of its problem."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            outcome = BROKEN_OFF
            try:
                return await inner(call)
            except Problem as problem:
                outcome = problem.kind
                raise
            finally:
                if call.identity is not None:  # what happened was behind
                    outcome = GUEST if call.identity.is_guest else PASSED
                count(outcome)

        return handle

    return layer


async def _proven(access: AccessTokens, header: bytes | None) -> Identity:
    token = token_of(header.decode("latin-1") if header else None)
    known = access.known(token)
    if known is not None:
        return known
    try:
        return await access.identity(token)
    except InvalidToken as fault:
        raise invalid(fault) from None


def _missing(scopes: frozenset[str]) -> Problem:
    wanted = " ".join(sorted(scopes))
    challenge = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{wanted}"'}
    return Problem(403, "scope-missing", f"This needs the scope {wanted}.", headers=challenge, scope=wanted)


def _stop_credentials(call: Call) -> None:
    call.headers = [field for field in call.headers if field[0] not in CREDENTIALS]


def _without_our_cookies(headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers:
        if name != b"cookie":
            yield name, value
            continue
        pairs = [pair.strip() for pair in value.split(b";")]
        if kept := [pair for pair in pairs if pair and not pair.startswith(OUR_COOKIES)]:
            yield name, b"; ".join(kept)
