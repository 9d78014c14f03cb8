"""Who is calling: told here once, for every service behind."""

from collections.abc import Iterable

from gateway.call import Call, Handler, Layer
from gateway.upstream import Reply
from kit.problems import Problem
from kit.tokens import Verifier


def anonymous() -> Layer:
    """An open route: credentials stop here, for nothing behind needs them."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            call.replace(b"authorization", None)
            return await inner(call)

        return handle

    return layer


def bearer(verifier: Verifier, scopes: Iterable[str]) -> Layer:
    """Let only calls through that carry a true token with these scopes; the services get the token too."""
    needed = frozenset(scopes)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            header = call.header(b"authorization")
            identity = verifier.caller(header.decode("latin-1") if header else None)
            if missing := needed - identity.scopes:
                wanted = " ".join(sorted(missing))
                challenge = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{wanted}"'}
                raise Problem(
                    403, "scope-missing", f"This needs the scope {wanted}.", headers=challenge, scope=wanted
                )
            call.identity = identity
            call.replace(b"authorization", header)  # a second one that nobody looked at goes no further
            return await inner(call)

        return handle

    return layer
