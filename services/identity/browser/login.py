"""Login, registration and the change of a password in the browser."""

import uuid

from fastapi import Request, Response

from services.identity.accounts.throttle import registration
from services.identity.accounts.users import NAME_TAKEN
from services.identity.browser.authorize import code_response, confirmation_page, form_page, login_page
from services.identity.browser.forms import (
    DEVICE_COOKIE,
    SESSION_COOKIE,
    Fields,
    check_csrf,
    csrf_token,
    read_cookie,
    read_fields,
)
from services.identity.browser.templates import set_cookie
from services.identity.context import Context, Provided
from services.identity.errors import InvalidAccountData, PageError, PasswordChanged
from services.identity.model import (
    NEW_USER_SCOPES,
    SsoSession,
    User,
    display_name,
    email_address,
    new_password,
    user_name,
)
from services.identity.protocol.authorize import AuthorizationRequest, parse_request

DEVICE_LIFETIME = 365 * 86_400
"""Seconds for which a browser is known as a user's device."""

WRONG_CREDENTIALS = "The user name or the password is wrong."


async def log_in(request: Request, context: Provided) -> Response:
    """Log the browser in by user name and password."""
    fields = await read_fields(request)
    check_csrf(request, fields, context.settings)
    authorization = parse_request(fields, context.settings)
    name = fields.get("username", "")
    user = await context.authenticator.authenticate(
        name,
        fields.get("password", ""),
        device_cookie=read_cookie(request, DEVICE_COOKIE),
        network=context.network(request),
    )
    if user is None:
        return login_page(context, request, authorization, username=name, error=WRONG_CREDENTIALS)
    return await _logged_in(context, request, authorization, user)


async def registration_page(request: Request, context: Provided) -> Response:
    """The page with the registration form."""
    authorization = parse_request(await read_fields(request), context.settings)
    return _registration_page(context, request, authorization, {})


async def register(request: Request, context: Provided) -> Response:
    """Add a user, and log the browser in."""
    fields = await read_fields(request)
    check_csrf(request, fields, context.settings)
    authorization = parse_request(fields, context.settings)
    try:
        user = await _add_user(context, request, fields)
    except InvalidAccountData as error:
        return _registration_page(context, request, authorization, fields, error=str(error))
    return await _logged_in(context, request, authorization, user)


async def _add_user(context: Context, request: Request, fields: Fields) -> User:
    name = user_name(fields.get("username", ""))
    shown = display_name(fields.get("name", ""))
    email = email_address(fields.get("email", ""))
    password = new_password(fields.get("password", ""), name)
    async with context.authenticator.attempt(registration(context.network(request))):
        if await context.users.named(name) is not None:
            raise InvalidAccountData(NAME_TAKEN)
        password_hash = await context.hasher.hash(password)
    user = User(
        id=uuid.uuid4().hex,
        name=name,
        display_name=shown,
        email=email,
        scopes=frozenset(NEW_USER_SCOPES),
        password_hash=password_hash,
    )
    await context.users.add([user])
    return user


async def _logged_in(
    context: Context, request: Request, authorization: AuthorizationRequest, user: User
) -> Response:
    """The response to a user who has just been authenticated, with new cookies."""
    authorization = authorization.after_login()
    response: Response | None = None
    try:
        session, cookie = await context.sso_sessions.start(
            user, replaces=read_cookie(request, SESSION_COOKIE)
        )
        if authorization.needs_confirmation:
            response = confirmation_page(context, request, authorization, user)
        else:
            response = await code_response(context, session, user, authorization)
    except PasswordChanged:
        pass
    if response is None:  # the password was changed meanwhile
        return login_page(context, request, authorization, username=user.name, error=WRONG_CREDENTIALS)
    set_cookie(response, SESSION_COOKIE, cookie, max_age=context.settings.sso_session_lifetime)
    set_cookie(response, DEVICE_COOKIE, context.devices.new(user.id), max_age=DEVICE_LIFETIME)
    return response


def _registration_page(
    context: Context,
    request: Request,
    authorization: AuthorizationRequest,
    filled: Fields,
    *,
    error: str = "",
) -> Response:
    shown = {name: filled.get(name, "") for name in ("username", "name", "email")}
    return form_page("register", context, request, authorization, error=error, **shown)


async def password_page(request: Request, context: Provided) -> Response:
    """The page on which a user changes the password."""
    _, user = await _logged_in_user(context, request)
    return _password_page(context, request, user)


async def change_password(request: Request, context: Provided) -> Response:
    """Change the password: all other sessions and all grants of the user end."""
    fields = await read_fields(request)
    check_csrf(request, fields, context.settings)
    session, user = await _logged_in_user(context, request)
    try:
        password = new_password(fields.get("new_password", ""), user.name)
    except InvalidAccountData as error:
        return _password_page(context, request, user, error=str(error))
    authenticated = await context.authenticator.authenticate(
        user.name,
        fields.get("password", ""),
        device_cookie=read_cookie(request, DEVICE_COOKIE),
        network=context.network(request),
    )
    if authenticated is None:
        return _password_page(context, request, user, error="The password until now is wrong.")
    try:
        password_hash = await context.hasher.hash(password)
        cookie = await context.sso_sessions.change_password(authenticated, password_hash, session)
    except PasswordChanged:
        return _password_page(context, request, user, error=WRONG_CREDENTIALS)
    response = context.templates.page(
        "message",
        heading="Your password is changed",
        text="Wherever else you were logged in, you are not any more.",
        is_error=False,
    )
    set_cookie(response, SESSION_COOKIE, cookie, max_age=context.settings.sso_session_lifetime)
    return response


async def _logged_in_user(context: Context, request: Request) -> tuple[SsoSession, User]:
    session = await context.sso_sessions.get(read_cookie(request, SESSION_COOKIE))
    user = None if session is None else await context.users.get(session.user_id)
    if session is None or user is None:
        raise PageError(403, "You are not logged in", "Please log in at the shop, and then come back.")
    return session, user


def _password_page(context: Context, request: Request, user: User, *, error: str = "") -> Response:
    return context.templates.form("password", csrf_token(request), error=error, username=user.name)
