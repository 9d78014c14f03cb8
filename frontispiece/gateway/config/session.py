"""The section `[session]`: how browsers log in and stay logged in."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from frontispiece.gateway.config.base import ConfigModel
from frontispiece.gateway.config.target import Target
from frontispiece.gateway.policies.rate_limit.config import Limits
from frontispiece.http.paths import Template
from frontispiece.units import LongDuration, Matches

Scope = Annotated[str, Matches(r"[\x21\x23-\x5b\x5d-\x7e]+", "scope: a word without quotes and \\")]
"""What RFC 6749 lets a scope be."""


SiteData = Literal["cache", "clientHints", "cookies", "executionContexts", "storage", "*"]
"""Types of the header `Clear-Site-Data`."""


class Session(ConfigModel):
    """Sessions of browsers, whose tokens stay in the gateway."""

    path: str = Field("/web/session", description="Below it are login, callback, logout and user.")
    scopes: tuple[Scope, ...] = Field(
        ("openid", "profile", "email"), description="Requested at login; openid always."
    )
    idle_timeout: LongDuration = Field(
        timedelta(minutes=30), description="A session without a call for so long ends."
    )
    absolute_timeout: LongDuration = Field(
        timedelta(hours=12), description="A session ends after so long in any case."
    )
    rate_limit: Limits = Field((), description="How often each of its paths may be called.")
    clear_site_data: tuple[SiteData, ...] = Field(
        ("cache", "storage"), description="What a logout removes from the browser (Clear-Site-Data)."
    )
    guest_merge: tuple[Target, ...] = Field(
        (), description='Called when a guest has logged in: "things:/of/{user}/adoption".'
    )

    @field_validator("path")
    @classmethod
    def _is_fixed(cls, path: str) -> str:
        template = Template.parse(path)
        if template.names or path.endswith("/"):
            raise ValueError("the session's path has no placeholders, and no slash at its end")
        return path

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if faults := list(self._between_keys()):
            raise ValueError("; ".join(faults))
        return self

    def _between_keys(self) -> Iterator[str]:
        if "openid" not in self.scopes:
            yield "scopes need openid, by which the issuer says who has logged in"
        if self.idle_timeout > self.absolute_timeout:
            yield "idle_timeout is longer than absolute_timeout"
        if any(limit.by.identifies_caller for limit in self.rate_limit):
            yield "rate_limit: the user is not known before the login: count by address or by route"
        for target in self.guest_merge:
            if target.path is None or set(target.path.names) - {"user"}:
                yield f'guest_merge: {target.service}: write "service:/path" with no placeholder but {{user}}'

    def owns(self, template: Template) -> bool:
        """Whether these are paths at which the session's own endpoints are, or could be."""
        own = Template.parse(self.path).parts
        return template.parts[: len(own)] == own
