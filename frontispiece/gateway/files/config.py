"""The configuration of a route that serves files."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr, model_validator

from frontispiece.gateway.config.base import ConfigModel, non_empty
from frontispiece.gateway.files.release import Release
from frontispiece.gateway.policies.security_headers import FieldValue
from frontispiece.http.messages import Headers
from frontispiece.http.paths import Parameter, Template

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Everything is of the page's own origin, and nothing is inline."""

OWN_PAGE_HEADERS: Final[Headers] = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]
"""The headers of the gateway's own pages: `/docs` and the console."""


def _inner(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or any(part.startswith(".") for part in parts):
        raise ValueError(f"{path!r} is no path within the folder: neither / nor a dot begins its parts")
    return "/".join(parts)


InnerPath = Annotated[str, AfterValidator(_inner)]
"""The path of a file or a folder within the folder."""


def _page(path: str) -> str:
    if any(isinstance(part, Parameter) and part.takes_rest for part in Template.parse(path).parts):
        raise ValueError(f"{path!r} takes the rest of a path: then there would be no page that is not there")
    return path


PagePath = Annotated[str, AfterValidator(_page)]


def _or_text(schema: dict[str, Any]) -> None:
    table = dict(schema)
    schema.clear()
    schema["anyOf"] = [{"type": "string"}, table]


class Files(ConfigModel):
    """What a route serves of a folder; `"folder"` alone is its short form."""

    model_config = ConfigDict(json_schema_extra=_or_text)

    folder: str = Field(min_length=1, description="The folder, relative to that of frontispiece.toml.")
    include: Annotated[tuple[InnerPath, ...] | None, non_empty()] = Field(
        None, description="The folders and files in it that are served; all of them when left out."
    )
    index: InnerPath = Field("index.html", description="The HTML of every page, within the folder.")
    pages: Annotated[tuple[PagePath, ...], non_empty("a client has at least one page")] | None = Field(
        None,
        description="Public paths of pages, with placeholders; the route's before {file:path} if left out.",
    )
    content_security_policy: FieldValue = Field(
        CONTENT_SECURITY_POLICY, description="What pages may load; false: anything."
    )
    _release: Release | None = PrivateAttr(None)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, written: object) -> object:
        return {"folder": written} if isinstance(written, str) else written

    @property
    def release(self) -> Release:
        """The files as they were when the table was loaded."""
        assert self._release is not None, "a table is loaded with its files"
        return self._release

    def with_release(self, release: Release) -> Self:
        """A copy that has read its files."""
        copy = self.model_copy()
        copy._release = release  # noqa: SLF001 (of its own class)
        return copy


def mount_of(route: Template) -> str | None:
    """The path before the placeholder of a route for files; None when there is no such place."""
    *fixed, last = route.parts
    if not isinstance(last, Parameter) or not last.takes_rest:
        return None
    if any(isinstance(part, Parameter) for part in fixed):
        return None
    return "/".join(["", *map(str, fixed), ""])


def pages_of(files: Files, mount: str) -> Sequence[str]:
    """The public paths of the pages."""
    return files.pages if files.pages is not None else (mount,)
