"""On whose behalf a command calls the running shop: its options, and what they come to."""

from enum import StrEnum
from typing import Annotated

import typer

from kit.demo import PASSWORD, USERS


class Client(StrEnum):
    """Whose login it is."""

    WEB = "web"
    MOBILE = "mobile"


Password = Annotated[
    str | None,
    typer.Option(help="Asked for when it is left out, unless it is a demo user's.", envvar="FRONT_PASSWORD"),
]


def secret(user: str, password: str | None) -> str:
    """The password that was given, that of a demo user, or what is typed in."""
    if password is not None:
        return password
    return PASSWORD if user in USERS else str(typer.prompt("Password", hide_input=True, err=True))


def headers_of(client: Client, url: str, user: str, password: str | None) -> list[tuple[str, str]]:
    """The headers of a user who has just logged in by this client.

    Raises:
        LoginFailed: nobody is logged in.
    """
    from front.login import browser, phone  # noqa: PLC0415 (other commands start faster without)

    if client is Client.MOBILE:
        return [("Authorization", f"Bearer {phone(url, user, secret(user, password))}")]
    return [("Cookie", browser(url, user, secret(user, password))), ("X-CSRF", "1")]
