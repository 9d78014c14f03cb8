"""The authentication layers: the caller is identified here once, for every service behind."""

from collections.abc import Awaitable, Callable, Container, Iterable, Iterator
from functools import partial
from typing import Final

from frontispiece import clocks
from frontispiece.gateway.auth.oidc import AccessToken, TokenVerification
from frontispiece.gateway.auth.open_streams import end_after
from frontispiece.gateway.auth.proofs import bound_token_problem
from frontispiece.gateway.auth.requirements import Requirements
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.route import Auth, Route
from frontispiece.gateway.policies.protected_resource import required_audience
from frontispiece.gateway.resources import TableResources
from frontispiece.http.headers import SAFE_METHODS, without_credentials
from frontispiece.http.problems import Problem
from frontispiece.security import ANONYMOUS, InvalidToken, bearer_token, invalid_token_problem
from frontispiece.upstream import Headers, Reply

GATEWAY_COOKIES: Final = (b"__Host-Http-session", b"__Host-Http-guest", b"__Host-Http-login")
"""Prefixes of the gateway's own cookies, which no service gets."""

VISIBLE: Final = (0x21, 0x7E)
"""The first and the last of ASCII's visible characters."""

VARY: Final = (b"vary", b"Authorization")
"""A guest's response differs from that of the same client with a token."""

DPOP: Final = "dpop "

PASSED: Final = "passed"
GUEST: Final = "guest"
ABORTED: Final = "aborted"


CheckProof = Callable[[Call, AccessToken], None]
"""Checks that a call is of whom its bound token belongs to; raises a `Problem`."""

FollowLogin = Callable[[Reply, AccessToken], None]
"""Has a reply that is a stream end with the login that the token is of."""


def for_route(route: Route, resources: TableResources) -> Iterator[Layer]:
    """The authentication layer for the route's `auth` setting, within one that counts its outcomes."""
    if route.auth.identifies_caller:
        yield count_auth(partial(resources.runtime.metrics.auth.add, route.auth))
    match route.auth:
        case Auth.NONE:
            yield no_auth()
        case Auth.PASSTHROUGH:
            yield passthrough_auth()
        case Auth.BEARER:
            access = resources.token_verification(route.issuers)
            yield bearer_auth(
                access,
                route.scopes,
                guest=route.guest,
                guest_methods=SAFE_METHODS.union(route.guest_methods),
                requirements=Requirements.of(route),
                resource=required_audience(route, resources),
                check_proof=partial(resources.runtime.proofs.check, route),
                follow=resources.sessions.follow if resources.sessions else None,
            )
        case Auth.SESSION:
            assert resources.sessions is not None, "a table with session routes has a section for them"
            yield resources.sessions.layer(route)


def no_auth() -> Layer:
    """Remove credentials: an open route's service needs none."""

    def layer(inner: Handler) -> Handler:
        def handle(call: Call) -> Awaitable[Reply]:
            call.headers = without_credentials(call.headers)
            return inner(call)

        return handle

    return layer


def bearer_auth(
    access: TokenVerification,
    scopes: Iterable[str],
    *,
    guest: bool = False,
    guest_methods: Container[str] = SAFE_METHODS,
    requirements: Requirements | None = None,
    resource: str | None = None,
    check_proof: CheckProof | None = None,
    follow: FollowLogin | None = None,
) -> Layer:
    """Require an access token with these scopes, and set `call.identity`.

    Args:
        access: verifies access tokens.
        scopes: all of them are required.
        guest: whether calls without a token are allowed, as `ANONYMOUS`.
        guest_methods: their methods.
        requirements: what else the token must say; None for nothing.
        resource: the audience that the token must have; None for that of its issuer's settings.
        check_proof: checks the proof of who sends a bound token; None where there are no bound tokens.
        follow: has streams end with the login; None where nobody tells of its end.
    """
    required = frozenset(scopes)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            header = call.header(b"authorization")
            if header is None and guest and call.method in guest_methods:
                token, identity = None, ANONYMOUS
            else:
                cached = access.cached(header, resource) if header is not None else None
                token = cached or await _verify(access, header, resource)
                if token.jkt is not None:
                    assert check_proof is not None, "the routes of a table check proofs"
                    check_proof(call, token)
                identity = token.identity
                if not required <= identity.scopes:
                    raise _insufficient_scope(required - identity.scopes, token.scheme)
                if requirements is not None:
                    requirements.check(token.claims, token.scheme)
            call.identity = identity
            call.headers = without_credentials(call.headers)
            reply = await inner(call)
            if token is not None and not isinstance(reply.body, bytes):
                _end_with(reply, token, follow)
            if guest:
                reply.headers.append(VARY)
            return reply

        return handle

    return layer


def passthrough_auth() -> Layer:
    """Pass credentials on to a service that verifies them itself, except the gateway's own cookies."""

    def layer(inner: Handler) -> Handler:
        def handle(call: Call) -> Awaitable[Reply]:
            call.headers = list(_without_gateway_cookies(call.headers))
            return inner(call)

        return handle

    return layer


def count_auth(count: Callable[[str], None]) -> Layer:
    """Count the outcome of the next inner layer: `passed`, `guest`, or the type of its problem."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            outcome = ABORTED
            try:
                return await inner(call)
            except Problem as problem:
                outcome = problem.kind
                raise
            finally:
                if call.identity is not None:  # a problem then came from further inside
                    outcome = GUEST if call.identity.is_guest else PASSED
                count(outcome)

        return handle

    return layer


async def _verify(access: TokenVerification, header: bytes | None, resource: str | None) -> AccessToken:
    field = header.decode("latin-1") if header else None
    is_bound = field is not None and field.lower().startswith(DPOP)
    token = field[len(DPOP) :].strip() if field is not None and is_bound else bearer_token(field)
    try:
        verified = await access.verify(token, resource)
        _check_scheme(verified, is_bound=is_bound)
    except InvalidToken as error:
        raise (bound_token_problem if is_bound else invalid_token_problem)(error) from None
    return verified


def _check_scheme(token: AccessToken, *, is_bound: bool) -> None:
    """Whoever has stolen a bound token must not bring it as one that is not (RFC 9449, 7.1)."""
    if is_bound and token.jkt is None:
        raise InvalidToken("The token is not bound to a key: its scheme is Bearer")
    if token.jkt is not None and not is_bound:
        raise InvalidToken("The token is bound to a key: its scheme is DPoP")


def _insufficient_scope(scopes: frozenset[str], scheme: str) -> Problem:
    missing = " ".join(sorted(scopes))
    challenge = {"WWW-Authenticate": f'{scheme} error="insufficient_scope", scope="{missing}"'}
    return Problem(403, "scope-missing", f"This needs the scope {missing}.", headers=challenge, scope=missing)


def _end_with(reply: Reply, token: AccessToken, follow: FollowLogin | None) -> None:
    """Have a stream end with its token, or with the login if that ends before."""
    if follow is not None:
        follow(reply, token)
    if (seconds := token.seconds_left(clocks.now())) is not None:
        end_after(reply, seconds)


def _without_gateway_cookies(headers: Headers) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers:
        if name != b"cookie":
            yield name, value
        elif others := [pair for each in value.split(b";") if _is_passed(pair := each.strip(b" \t"))]:
            yield name, b"; ".join(others)


def _is_passed(pair: bytes) -> bool:
    """Whether a service gets a cookie: not the gateway's own, and none that resembles one of another name.

    To a lenient reader, a no-break space before `__Host-` is none: it takes the name for one that only the
    site itself can have set.
    """
    name = pair.partition(b"=")[0].rstrip(b" \t")
    printable = not name or (VISIBLE[0] <= name[0] <= VISIBLE[1] and VISIBLE[0] <= name[-1] <= VISIBLE[1])
    return bool(pair) and printable and not name.startswith(GATEWAY_COOKIES)
