"""The browser's way to another password."""

from fastapi import Request, Response

from services.identity.errors import Changed, Shown, Unsuitable
from services.identity.forms import LOGIN_COOKIE, check_ours, form, form_secret
from services.identity.login import WRONG
from services.identity.model import Login, User, new_password
from services.identity.pages import set_cookie
from services.identity.proof import proved
from services.identity.provider import Provided, Provider


async def password_page(request: Request, provider: Provided) -> Response:
    """The page by which somebody who is logged in changes the password."""
    _, user = await _known(provider, request)
    return _password_page(provider, request, user)


async def change_password(request: Request, provider: Provided) -> Response:
    """Change the password of somebody who knows it: all else that the user was logged in to ends."""
    fields = await form(request)
    check_ours(request, fields, provider.settings)
    login, user = await _known(provider, request)
    try:
        password = new_password(fields.get("new_password", ""), user.name)
    except Unsuitable as fault:
        return _password_page(provider, request, user, fault=str(fault))
    proof = await proved(provider, request, user.name, fields.get("password", ""))
    if proof is None:
        return _password_page(provider, request, user, fault="The password until now is wrong.")
    try:
        hashed = await provider.passwords.hash(password)
        cookie = await provider.logins.change_password(proof, hashed, login)
    except Changed:
        return _password_page(provider, request, user, fault=WRONG)
    answer = provider.pages.page(
        "message",
        heading="Your password is changed",
        text="Wherever else you were logged in, you are not any more.",
        is_fault=False,
    )
    set_cookie(answer, LOGIN_COOKIE, cookie, lasts=provider.settings.login_lasts)
    return answer


async def _known(provider: Provider, request: Request) -> tuple[Login, User]:
    login = await provider.logins.of(request.cookies.get(LOGIN_COOKIE))
    user = None if login is None else await provider.users.of(login.user_id)
    if login is None or user is None:
        raise Shown(403, "You are not logged in", "Please log in at the shop, and then come back.")
    return login, user


def _password_page(provider: Provider, request: Request, user: User, *, fault: str = "") -> Response:
    return provider.pages.form(
        "password",
        form_secret(request),
        status=400 if fault else 200,
        username=user.name,
        fault=fault,
    )
