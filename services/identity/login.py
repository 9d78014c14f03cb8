"""The browser's way in: authorization, login and registration."""

import uuid
from dataclasses import replace

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from services.identity.authorize import AuthorizationRequest, answered, understood
from services.identity.errors import Changed, NameTaken, Unsuitable
from services.identity.forms import (
    DEVICE_COOKIE,
    LOGIN_COOKIE,
    Fields,
    check_ours,
    form,
    form_secret,
    parameters,
    query,
)
from services.identity.model import (
    NEW_USERS,
    Login,
    User,
    display_name,
    email_address,
    granted,
    new_password,
    user_name,
)
from services.identity.pages import GUARDED, set_cookie
from services.identity.proof import admitted, proved
from services.identity.provider import Provided, Provider, network
from services.identity.throttle import registration
from services.identity.tokens import NotOurs

DEVICE_LASTS = 365 * 86_400
"""Seconds for which a browser is known as somebody's device."""

WRONG = "The user name or the password is wrong."


async def authorize(request: Request, provider: Provided) -> Response:
    """Answer a client with a code when the browser is logged in, and with the login page when not."""
    fields = await parameters(request)
    asked = understood(fields, provider.settings.clients)
    login = await provider.logins.of(request.cookies.get(LOGIN_COOKIE))
    if (
        login is not None
        and _suffices(login, asked, provider.clock())
        and await _is_expected(provider, login, fields.get("id_token_hint"))
    ):
        code = await _code(provider, login, asked)
        if code is not None:
            return _sent_with(code, asked, provider)
    if asked.prompt == "none":
        raise asked.refused("login_required", "Nobody is logged in, or not freshly enough.")
    return _login_page(provider, request, asked, username=asked.login_hint)


async def log_in(request: Request, provider: Provided) -> Response:
    """Log the browser in by user name and password, and answer the client that asked."""
    fields = await form(request)
    check_ours(request, fields, provider.settings)
    asked = understood(fields, provider.settings.clients)
    name = fields.get("username", "")
    user = await proved(provider, request, name, fields.get("password", ""))
    if user is None:
        return _login_page(provider, request, asked, username=name, fault=WRONG)
    return await _entered(provider, request, asked, user)


async def registration_page(request: Request, provider: Provided) -> Response:
    """The page by which somebody registers who was sent here by a client."""
    asked = understood(query(request), provider.settings.clients)
    return _registration_page(provider, request, asked, {})


async def register(request: Request, provider: Provided) -> Response:
    """Enter a new user, log the browser in, and answer the client that asked."""
    fields = await form(request)
    check_ours(request, fields, provider.settings)
    asked = understood(fields, provider.settings.clients)
    try:
        user = await _registered(provider, request, fields)
    except (Unsuitable, NameTaken) as fault:
        told = str(fault) or "Somebody has this user name already."
        return _registration_page(provider, request, asked, fields, fault=told)
    return await _entered(provider, request, asked, user)


async def _registered(provider: Provider, request: Request, fields: Fields) -> User:
    name = user_name(fields.get("username", ""))
    shown = display_name(fields.get("name", ""))
    email = email_address(fields.get("email", ""))
    password = new_password(fields.get("password", ""), name)
    async with admitted(provider, registration(network(request, provider.gateway))):
        if await provider.users.named(name) is not None:
            raise NameTaken
        password_hash = await provider.passwords.hash(password)
    user = User(
        id=uuid.uuid4().hex,
        name=name,
        display_name=shown,
        email=email,
        scopes=frozenset(NEW_USERS),
        password_hash=password_hash,
    )
    await provider.users.add([user])
    return user


async def _entered(provider: Provider, request: Request, asked: AuthorizationRequest, user: User) -> Response:
    """The answer to a client whose user has just proved to be it: the browser has new cookies from now on."""
    try:
        login, cookie = await provider.logins.start(user, replaces=request.cookies.get(LOGIN_COOKIE))
    except Changed:  # what was proved is not the password any more
        return _login_page(provider, request, asked, username=user.name, fault=WRONG)
    code = await _code(provider, login, asked)
    if code is None:  # ended already, by a change of the password
        return _login_page(provider, request, asked, username=user.name, fault=WRONG)
    answer = _sent_with(code, asked, provider)
    set_cookie(answer, LOGIN_COOKIE, cookie, lasts=provider.settings.login_lasts)
    set_cookie(answer, DEVICE_COOKIE, provider.devices.new(user.id), lasts=DEVICE_LASTS)
    return answer


async def _code(provider: Provider, login: Login, asked: AuthorizationRequest) -> str | None:
    """A code for those of the scopes asked for that the user has; None when the login has ended meanwhile."""
    user = await provider.users.of(login.user_id)
    scopes = granted(asked.wanted.scopes, () if user is None else user.scopes)
    return await provider.grants.code(login, replace(asked.wanted, scopes=scopes))


def _suffices(login: Login, asked: AuthorizationRequest, now: float) -> bool:
    if asked.prompt == "login":
        return False
    return asked.max_age is None or now - login.auth_time <= asked.max_age


async def _is_expected(provider: Provider, login: Login, hint: str | None) -> bool:
    """Whether this is the user whose ID token the client sent, if any (OpenID Connect Core 1.0, 3.1.2.1)."""
    if hint is None:
        return True
    try:
        return bool((await provider.tokens.read_hint(hint))["sub"] == login.user_id)
    except NotOurs:
        return False


def _sent_with(code: str, asked: AuthorizationRequest, provider: Provider) -> Response:
    url = answered(
        asked.wanted.redirect_uri, code=code, state=asked.state, iss=provider.settings.issuer
    )  # RFC 9207: the client knows whose code it is
    return RedirectResponse(url, 303, GUARDED)


def _login_page(
    provider: Provider, request: Request, asked: AuthorizationRequest, *, username: str, fault: str = ""
) -> Response:
    return provider.pages.form(
        "login",
        form_secret(request),
        status=400 if fault else 200,
        leads_to=asked.wanted.redirect_uri,
        carried=asked.carried,
        username=username,
        fault=fault,
    )


def _registration_page(
    provider: Provider, request: Request, asked: AuthorizationRequest, fields: Fields, *, fault: str = ""
) -> Response:
    return provider.pages.form(
        "register",
        form_secret(request),
        status=400 if fault else 200,
        leads_to=asked.wanted.redirect_uri,
        carried=asked.carried,
        username=fields.get("username", ""),
        name=fields.get("name", ""),
        email=fields.get("email", ""),
        fault=fault,
    )
