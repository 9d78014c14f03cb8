"""HTML pages: without JavaScript, with headers that keep foreign code out."""

import base64
import hashlib
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.identity.browser.forms import CSRF_COOKIE, CSRF_FIELD
from services.identity.settings import IdentitySettings

STYLE: Final = """
:root { color-scheme: light dark; --ink: #22262b; --paper: #f6f4ef; --card: #fff; --line: #8a8f96;
  --deep: #1d4f7a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceae5; --paper: #17191c; --card: #212429; --line: #7c828a; --deep: #9cc7ea; }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; width: min(26rem, 100%); padding: 2rem; border-radius: .5rem;
  background: var(--card); }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.2; }
label { display: block; margin-top: 1rem; font-weight: 600; }
.hint { margin: 0; font-size: .875rem; }
input { box-sizing: border-box; width: 100%; padding: .6rem; border: 1px solid var(--line);
  border-radius: .25rem; background: var(--paper); color: inherit; font: inherit; }
button { width: 100%; margin-top: 1.5rem; padding: .7rem; border: 0; border-radius: .25rem;
  background: var(--deep); color: var(--card); font: inherit; font-weight: 600; cursor: pointer; }
a { color: var(--deep); }
:focus-visible { outline: 3px solid var(--deep); outline-offset: 2px; }
[role=alert] { margin: 0; padding: .75rem; border-left: .25rem solid #b3261e; background: var(--paper); }
"""

STYLE_SOURCE: Final = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

SECURITY_HEADERS: Final = {
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Header fields of every page and of every redirect to a client."""


class Templates:
    """Renders pages; links and forms lead to the issuer's public URLs."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._environment = Environment(
            loader=PackageLoader("services.identity"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(style=Markup(STYLE), at=settings.at, csrf_field=CSRF_FIELD)  # noqa: S704

    def page(
        self, name: str, /, *, status: int = 200, redirects_to: str | None = None, **variables: Any
    ) -> HTMLResponse:
        """A page.

        Args:
            name: its template, without `.html`.
            status: the HTTP status.
            redirects_to: where the page's form redirects in the end: browsers apply a page's `form-action` to
                the redirects of its forms, too.
            variables: of the template.
        """
        text = self._environment.get_template(f"{name}.html").render(**variables)
        policy = (
            f"default-src 'none'; style-src '{STYLE_SOURCE}'; form-action {_form_action(redirects_to)}; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        return HTMLResponse(text, status, {**SECURITY_HEADERS, "Content-Security-Policy": policy})

    def form(
        self, name: str, token: str, /, *, redirects_to: str | None = None, error: str = "", **variables: Any
    ) -> HTMLResponse:
        """A page with a form: the CSRF token is in a hidden field and in a cookie; 400 with an error."""
        response = self.page(
            name,
            status=400 if error else 200,
            redirects_to=redirects_to,
            csrf_token=token,
            error=error,
            **variables,
        )
        set_cookie(response, CSRF_COOKIE, token)
        return response


def set_cookie(response: Response, name: str, value: str, *, max_age: float | None = None) -> None:
    """Set a cookie for this host only, which no script can read; a `max_age` of 0 deletes it."""
    response.set_cookie(
        name,
        value,
        max_age=None if max_age is None else int(max_age),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def _form_action(redirects_to: str | None) -> str:
    if redirects_to is None:
        return "'self'"
    parts = urlsplit(redirects_to)
    web = (
        parts.scheme in {"http", "https"} and "[" not in parts.netloc
    )  # a source has no IPv6 address (CSP 3, 2.3.1)
    return f"'self' {parts.scheme}://{parts.netloc}" if web else f"'self' {parts.scheme}:"
