"""The errors of identity, by their recipient.

    IdentityError
    ├── OAuthError            a client program: JSON (RFC 6749, 5.2)
    ├── RedirectError         a client, through the browser: a redirect (RFC 6749, 4.1.2.1)
    ├── PageError             the user: a page, never a redirect
    │   ├── InvalidForm       a malformed query or form; to client programs an OAuthError
    │   ├── TooManyAttempts   the throttle's limit is reached
    │   └── TooBusy           too many passwords are being verified
    ├── InvalidAccountData    an invalid user name, mail address or password, or a name that exists
    ├── PasswordChanged       since it was verified
    └── KeyUnreadable         no encryption key decrypts a signing key: the operator, by the log

The last three are caught where they can happen.
"""

from collections.abc import Mapping


class IdentityError(Exception):
    """Base class."""


class OAuthError(IdentityError):
    """An error for a client program.

    Args:
        error: its code, such as `invalid_grant`.
        description: one sentence for the client's developer.
        status: the HTTP status.
        headers: further response headers.
    """

    def __init__(
        self, error: str, description: str, *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.status = status
        self.headers = dict(headers or {})


class RedirectError(IdentityError):
    """An error for a client at its redirect URI, which must be verified as its own before."""

    def __init__(self, redirect_uri: str, state: str | None, error: str, description: str) -> None:
        super().__init__(description)
        self.redirect_uri = redirect_uri
        self.state = state
        self.error = error


class PageError(IdentityError):
    """An error for the user, on a page of its own."""

    def __init__(self, status: int, title: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.title = title
        self.headers = dict(headers or {})


class InvalidForm(PageError):
    """A malformed query or form."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, "This request cannot be read", text)


class TooManyAttempts(PageError):
    """429: the next attempt is allowed in so many seconds."""

    def __init__(self, seconds: float) -> None:
        text = f"There were too many attempts from here. Please try again in {int(seconds // 60) + 1} min."
        super().__init__(429, "Too many attempts", text, {"Retry-After": str(int(seconds) + 1)})


class TooBusy(PageError):
    """503: too many passwords are being verified."""

    def __init__(self) -> None:
        text = "Many are logging in right now. Please try again."
        super().__init__(503, "Too many at once", text, {"Retry-After": "2"})


class InvalidAccountData(IdentityError):
    """An invalid user name, mail address or password, or a name that exists; the message is for the user."""


class PasswordChanged(IdentityError):
    """The password was changed after it had been verified."""


class KeyUnreadable(IdentityError):
    """No encryption key decrypts a signing key in the database."""
