"""Identity's wiring."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from kit import service
from kit.db import Database
from kit.problems import Problem
from kit.sealing import Ring
from kit.tokens import Verifier
from services.identity import account, api, login, logout, seed, token
from services.identity.authorize import answered
from services.identity.errors import IdentityError, Refused, SentBack, Shown
from services.identity.grants import Grants
from services.identity.keys import Keys
from services.identity.logins import Logins
from services.identity.model import Clock
from services.identity.notices import Notices
from services.identity.pages import GUARDED, Pages
from services.identity.passwords import Passwords
from services.identity.provider import Provider
from services.identity.settings import IdentitySettings
from services.identity.sweeping import sweep
from services.identity.tables import metadata
from services.identity.throttle import Devices, Throttle
from services.identity.token import UNCACHED
from services.identity.tokens import LOGOUT_LASTS, Tokens
from services.identity.users import Users

log = logging.getLogger(__name__)

NAME: Final = "identity"
TENDED_EVERY: Final = 60.0
"""Seconds between two looks for what is over, and for a key that is due."""

Endpoint = Callable[..., Awaitable[Response]]

ENDPOINTS: Final[tuple[tuple[str, str, Endpoint], ...]] = (
    ("GET", "/.well-known/openid-configuration", api.discovery),
    ("GET", "/jwks", api.jwks),
    ("GET", "/userinfo", api.userinfo),
    ("POST", "/userinfo", api.userinfo),
    ("POST", "/token", token.token),
    ("POST", "/revoke", token.revoke),
    ("GET", "/authorize", login.authorize),
    ("POST", "/authorize", login.authorize),
    ("POST", "/login", login.log_in),
    ("GET", "/register", login.registration_page),
    ("POST", "/register", login.register),
    ("GET", "/password", account.password_page),
    ("POST", "/password", account.change_password),
    ("GET", "/logout", logout.log_out),
    ("POST", "/logout", logout.log_out),
)
"""All of them answer anybody: whoever comes here has yet to prove who it is, by this service's own means."""


def create_app(settings: IdentitySettings | None = None, *, clock: Clock = time.time) -> FastAPI:
    """The identity service."""
    settings = settings or IdentitySettings()
    database = Database(settings.database_url, metadata)
    http = httpx.AsyncClient(follow_redirects=False, trust_env=False)
    provider, notices = _provider(settings, database, http, clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with database, http, provider.passwords:
            if settings.seed:
                await seed.fill(provider.users, provider.passwords)
            await provider.keys.signing()
            tasks = [
                asyncio.create_task(notices.run()),
                asyncio.create_task(_tend(provider.keys, database, clock)),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    app = service.create(
        title=NAME,
        description="Who somebody is, proved by OpenID Connect to those who ask.",
        lifespan=lifespan,
        ready=database.ping,
        verifier=provider.gateway,
    )
    app.state.provider = provider
    for method, path, endpoint in ENDPOINTS:
        app.add_api_route(path, service.public(endpoint), methods=[method], response_model=None)
    _answer_with_errors(app, provider)
    return app


def _provider(
    settings: IdentitySettings, database: Database, http: httpx.AsyncClient, clock: Clock
) -> tuple[Provider, Notices]:
    ring = Ring(settings.sealing_keys)
    keys = Keys(
        database,
        ring,
        algorithm=settings.algorithm,
        last=settings.keys_last,
        announced=settings.keys_announced,
        signed_lasts=max(settings.access_lasts, LOGOUT_LASTS),
        clock=clock,
    )
    tokens = Tokens(settings, keys, clock)
    told = {
        name: client.backchannel_logout_uri
        for name, client in settings.clients.items()
        if client.backchannel_logout_uri is not None
    }
    notices = Notices(database, told, sign=tokens.logout, client=http, clock=clock)
    provider = Provider(
        settings=settings,
        clock=clock,
        users=Users(database, clock),
        logins=Logins(database, notices, lasts=settings.login_lasts, clock=clock),
        grants=Grants(database, notices, lasts=settings.refresh_lasts, clock=clock),
        keys=keys,
        tokens=tokens,
        passwords=Passwords(memory_kib=settings.argon2_memory_kib, passes=settings.argon2_passes),
        throttle=Throttle(database, clock),
        devices=Devices(ring),
        pages=Pages(settings),
        gateway=Verifier(settings.tokens, NAME),
    )
    return provider, notices


def _answer_with_errors(app: FastAPI, provider: Provider) -> None:
    """Tell of every error whoever is to be told of it."""

    async def refused(_request: Request, fault: Exception) -> Response:
        assert isinstance(fault, Refused)
        body = {"error": fault.error, "error_description": str(fault)}
        return JSONResponse(body, fault.status, {**UNCACHED, **fault.headers})

    async def sent_back(_request: Request, fault: Exception) -> Response:
        assert isinstance(fault, SentBack)
        url = answered(
            fault.redirect_uri,
            error=fault.error,
            error_description=str(fault),
            state=fault.state,
            iss=provider.settings.issuer,
        )
        return RedirectResponse(url, 303, GUARDED)

    async def shown(_request: Request, fault: Exception) -> Response:
        assert isinstance(fault, Shown)
        answer = provider.pages.page(
            "message", status=fault.status, heading=fault.title, text=str(fault), is_fault=True
        )
        answer.headers.update(fault.headers)
        return answer

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(SentBack, sent_back)
    app.add_exception_handler(Shown, shown)


async def _tend(keys: Keys, database: Database, clock: Clock) -> None:
    while True:
        try:
            await keys.published()
            await sweep(database, clock())
        except (Problem, IdentityError) as fault:  # what is over only stays a little longer
            log.warning("What is over cannot be swept: %s", fault)
        await asyncio.sleep(TENDED_EVERY)
