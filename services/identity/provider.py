"""All that the endpoints work with, in one piece."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from kit.tokens import InvalidToken, Verifier
from services.identity.grants import Grants
from services.identity.keys import Keys
from services.identity.logins import Logins
from services.identity.model import Clock
from services.identity.pages import Pages
from services.identity.passwords import Passwords
from services.identity.settings import IdentitySettings
from services.identity.throttle import Devices, Throttle, network_of
from services.identity.tokens import Tokens
from services.identity.users import Users


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """The parts of the provider."""

    settings: IdentitySettings
    clock: Clock
    users: Users
    logins: Logins
    grants: Grants
    keys: Keys
    tokens: Tokens
    passwords: Passwords
    throttle: Throttle
    devices: Devices
    pages: Pages
    gateway: Verifier


def _provider(request: Request) -> Provider:
    return cast(Provider, request.app.state.provider)


Provided = Annotated[Provider, Depends(_provider)]


def network(request: Request, gateway: Verifier) -> str:
    """The network that a request comes from: the gateway is believed where its client is, nobody else."""
    address = request.client.host if request.client else ""
    token = request.headers.get("x-internal-token", "")
    forwarded = request.headers.get("x-forwarded-for", "")
    if token and forwarded:
        try:
            gateway.verify(token.removeprefix("Bearer "))
        except InvalidToken:
            return network_of(address)
        address = forwarded.rpartition(",")[2].strip()  # what the gateway itself has written
    return network_of(address)
