"""The shop's own layer: clients that are too old are refused, and those that soon will be are warned."""

from datetime import UTC
from email.utils import format_datetime

from pydantic import Field

from frontispiece.gateway import Call, Handler, RouteLayer
from frontispiece.http import Headers, Problem, Reply, Version
from shop.client_versions import SupportedVersions, supported_versions


class ClientVersions(RouteLayer):
    """Calls of a version below the minimum get 426, those of a deprecated one `Deprecation` and `Sunset`.

    Calls without an `X-Client`, and those of clients that are not listed, pass.
    """

    versions: dict[str, SupportedVersions] = Field(
        default_factory=supported_versions, description="By client; those of `shop/client_versions.toml`."
    )

    def wrap(self, inner: Handler) -> Handler:
        """Looks at the version before all that comes after."""
        warnings = {name: _warning(supported) for name, supported in self.versions.items()}

        async def handle(call: Call) -> Reply:
            client = call.client
            if client is None or client.version is None or client.name not in warnings:
                return await inner(call)
            supported = self.versions[client.name]
            if client.version < supported.minimum:
                raise _too_old(client.name, client.version, supported)
            if supported.deprecated_below and client.version < supported.deprecated_below:
                call.response_headers += warnings[client.name]
            return await inner(call)

        return handle


def _too_old(name: str, version: Version, supported: SupportedVersions) -> Problem:
    """Names the version that is required, as RFC 9110 (15.5.22) asks of a 426."""
    minimum, latest = str(supported.minimum), str(supported.latest)
    detail = f"{name} {version} is no longer supported, from {minimum} on it is. {supported.update}"
    upgrade = {"Upgrade": f"{name}/{minimum}", "Connection": "upgrade", "Cache-Control": "no-store"}
    return Problem(426, "client-too-old", detail, headers=upgrade, minimum=minimum, latest=latest)


def _warning(supported: SupportedVersions) -> Headers:
    """`Deprecation` (RFC 9745) and `Sunset` (RFC 8594)."""
    fields: Headers = []
    if supported.deprecated_since:
        fields.append((b"deprecation", b"@%d" % supported.deprecated_since.timestamp()))
    if supported.sunset:
        fields.append((b"sunset", format_datetime(supported.sunset.astimezone(UTC), usegmt=True).encode()))
    return fields
