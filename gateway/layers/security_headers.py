"""What browsers are told to be careful about, with every answer that does not say it itself."""

from gateway.call import Call, Handler, Layer
from gateway.policies.security_headers import SecurityHeaders
from gateway.upstream import Headers, Reply


def added(policy: SecurityHeaders) -> Layer:
    """Add what the answer lacks; a problem has none of it, and gets all."""
    by_scheme = {"https": policy.fields(secure=True)}
    plain = policy.fields(secure=False)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            fields = by_scheme.get(call.scheme, plain)
            try:
                reply = await inner(call)
            except Exception:
                call.told += fields
                raise
            reply.headers = [*reply.headers, *lacking(fields, reply.headers)]
            return reply

        return handle

    return layer


def lacking(fields: Headers, headers: Headers) -> Headers:
    """Those of the fields that are not among the headers."""
    there = {name for name, _ in headers}
    return [each for each in fields if each[0] not in there]
