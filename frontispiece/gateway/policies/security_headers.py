"""Response headers that make browsers careful, added where a service does not set them itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.base import ConfigModel
from frontispiece.units import Matches
from frontispiece.upstream import Headers, Reply

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

HTTPS_ONLY: Final = "strict_transport_security"

Off = Literal[False]

Hsts = Matches(r"max-age=[0-9]+(; includeSubDomains)?(; preload)?", 'such value: write "max-age=31536000"')
FieldValue = Annotated[str | Off, Matches(r"[\x20-\x7e]+", "value of a header: it is of printable ASCII")]

ReferrerPolicy = Literal[
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
]


class SecurityHeaders(ConfigModel):
    """Header fields of responses, one a key; `false` leaves one out."""

    strict_transport_security: Annotated[str | Off, Hsts] = Field(
        "max-age=31536000",
        description="Over https only: use https from now on.",
    )
    x_content_type_options: Literal["nosniff"] | Off = Field(
        "nosniff", description="Browsers believe the media type."
    )
    x_frame_options: Literal["DENY", "SAMEORIGIN"] | Off = Field(
        "DENY", description="Which pages may frame it."
    )
    referrer_policy: ReferrerPolicy | Off = Field(
        "strict-origin-when-cross-origin", description="How much of its URL a page sends with its links."
    )
    cross_origin_resource_policy: Literal["same-origin", "same-site", "cross-origin"] | Off = Field(
        "same-origin", description="Which pages may embed it without CORS."
    )
    cross_origin_opener_policy: (
        Literal["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"] | Off
    ) = Field(False, description="Whether windows that it opens, or that opened it, can reach it.")
    content_security_policy: FieldValue = Field(False, description="What a page may load; APIs need none.")
    permissions_policy: FieldValue = Field(False, description="Which browser features a page may use.")

    def overridden_by(self, other: "SecurityHeaders") -> "SecurityHeaders":
        """A copy with the keys that are written out in the other."""
        return self.model_copy(update={key: getattr(other, key) for key in other.model_fields_set})

    def fields(self, *, secure: bool) -> Headers:
        """The header fields of a response over https, or not."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        if not secure:
            del values[HTTPS_ONLY]
        return [(name.replace("_", "-").encode(), value.encode()) for name, value in values.items() if value]


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer that adds the table's headers, overridden by the route's own."""
    if policy := effective_policy(route, resources.table.security_headers):
        yield security_headers_layer(policy)


def effective_policy(route: "Route", of_table: SecurityHeaders | None) -> SecurityHeaders | None:
    """The table's headers, overridden by the route's own; None where the service sets them."""
    of_route = route.security_headers
    if of_route is False:
        return None
    return of_table.overridden_by(of_route) if of_table and of_route else of_route or of_table


def security_headers_layer(policy: SecurityHeaders) -> Layer:
    """Add the headers that a response lacks; a problem gets all of them."""
    by_scheme = {"https": policy.fields(secure=True)}
    plain = policy.fields(secure=False)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            fields = by_scheme.get(call.scheme, plain)
            try:
                reply = await inner(call)
            except Exception:
                call.response_headers += fields
                raise
            reply.headers = [*reply.headers, *missing_fields(fields, reply.headers)]
            return reply

        return handle

    return layer


def missing_fields(fields: Headers, headers: Headers) -> Headers:
    """The fields whose names do not occur in the headers."""
    present = {name for name, _ in headers}
    return [field for field in fields if field[0] not in present]
