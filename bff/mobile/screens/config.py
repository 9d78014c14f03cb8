"""What the mobile client asks at its start: whether it is new enough, and what is turned on."""

from msgspec import Struct

from frontispiece.pages import Cache, Page, set_response_header
from shop.client_versions import SupportedVersions, supported_versions

FOR_A_MINUTE = b"public, max-age=60"
"""How long a phone may use an earlier answer."""

page = Page("/config", deadline=0.5)


class Config(Struct, frozen=True):
    """The oldest version that is served, the newest, and flags by name."""

    minimum_version: str
    latest_version: str
    flags: dict[str, bool]


@page.source(cache=Cache(ttl=10))  # the same for all: it depends on a file alone
async def versions() -> SupportedVersions:
    """The supported versions of the mobile client."""
    return supported_versions()["mobile"]


@page.source()
async def config(versions: SupportedVersions) -> Config:
    """The same, as the client reads it."""
    set_response_header(b"cache-control", FOR_A_MINUTE)
    return Config(str(versions.minimum), str(versions.latest), versions.flags)


@page.view
def screen(config: Config) -> Config:
    """What the client needs to know before all else."""
    return config
