"""The browser's way out: OpenID Connect RP-Initiated Logout 1.0."""

from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from services.identity.authorize import answered
from services.identity.errors import Shown
from services.identity.forms import FORM_FIELD, LOGIN_COOKIE, Fields, check_ours, form_secret, parameters
from services.identity.model import Login
from services.identity.pages import GUARDED, drop_cookie
from services.identity.provider import Provided, Provider
from services.identity.tokens import NotOurs

CARRIED: Final = ("client_id", "post_logout_redirect_uri", "state", "id_token_hint", "logout_hint")


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutRequest:
    """Where the browser goes afterwards, and which grant the client thinks of.

    Args:
        to: an address of the client's own; None when it names none.
        sid: the grant; None when the client does not say.
        carried: its fields, as the page carries them on.
    """

    to: str | None
    sid: str | None
    carried: Fields


async def log_out(request: Request, provider: Provided) -> Response:
    """Log the browser out: at once when the client knows who is logged in, else when the person says so."""
    fields = await parameters(request)
    asked = await _understood(provider, fields)
    login = await provider.logins.of(request.cookies.get(LOGIN_COOKIE))
    if "confirmed" in fields and FORM_FIELD in fields and request.method == "POST":
        check_ours(request, fields, provider.settings)
        return await _left(provider, login, asked)
    # A form on another site comes without the login's cookie: whether somebody is logged in is not seen then.
    unseen = login is None and request.method == "POST"
    if not unseen and (login is None or await _is_known(provider, login, asked)):
        return await _left(provider, login, asked)
    return provider.pages.form("logout", form_secret(request), leads_to=asked.to, carried=asked.carried)


async def _left(provider: Provider, login: Login | None, asked: LogoutRequest) -> Response:
    if login is not None:
        await provider.logins.end(login)
        if asked.sid is not None and await provider.grants.owner(asked.sid) == login.user_id:
            await provider.grants.end(asked.sid)  # it may have come from an earlier login
    answer: Response
    if asked.to is not None:
        answer = RedirectResponse(asked.to, 303, GUARDED)
    else:
        answer = provider.pages.page(
            "message", heading="You are logged out", text="You can close this page.", is_fault=False
        )
    drop_cookie(answer, LOGIN_COOKIE)
    return answer


async def _is_known(provider: Provider, login: Login, asked: LogoutRequest) -> bool:
    """Whether the client names a grant of the user who is logged in here: nobody else can know its name."""
    return asked.sid is not None and await provider.grants.owner(asked.sid) == login.user_id


async def _understood(provider: Provider, fields: Fields) -> LogoutRequest:
    hint = await _hint(provider, fields.get("id_token_hint"))
    client_id = fields.get("client_id", hint.get("aud"))
    if hint and hint["aud"] != client_id:
        raise Shown(400, "Unknown app", "The app that sent you here is not the one that it says.")
    return LogoutRequest(
        to=_address(provider, client_id, fields),
        sid=hint.get("sid", fields.get("logout_hint")),
        carried={name: fields[name] for name in CARRIED if name in fields},
    )


def _address(provider: Provider, client_id: str | None, fields: Fields) -> str | None:
    wanted = fields.get("post_logout_redirect_uri")
    if wanted is None:
        return None
    client = provider.settings.clients.get(client_id or "")
    if client is None or wanted not in client.post_logout_redirect_uris:
        raise Shown(400, "Unknown address", "The app that sent you here has given an unknown address.")
    return answered(wanted, state=fields.get("state"))


async def _hint(provider: Provider, token: str | None) -> dict[str, str]:
    """What an ID token says; nothing when it is none of ours, or of a key long gone: the person is asked."""
    if token is None:
        return {}
    try:
        return await provider.tokens.read_hint(token)
    except NotOurs:
        return {}
