"""The errors of a 4xx, with its problem details (RFC 9457) as they were written, and of a 503."""

from http.client import responses
from typing import Final

import msgspec

from frontispiece.http.dates import retry_after
from frontispiece.http.headers import joined
from frontispiece.http.json_nesting import is_nested_too_deeply
from frontispiece.http.messages import Reply
from frontispiece.http.problems import MEDIA_TYPE
from frontispiece.upstream.errors import ServiceUnavailable, UpstreamClientError

NO_TYPE: Final = "about:blank"
"""The type of a problem that has none (RFC 9457, 4.2.1)."""

NOT_PASSED_ON: Final = frozenset({"type", "title", "status", "detail", "request_id"})
"""Members that have a place of their own in every problem."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def refusal_of(reply: Reply, content: bytes) -> UpstreamClientError:
    """The error of a 4xx response with this content, which may have a problem that can be read."""
    type_uri = title = detail = None
    members: dict[str, msgspec.Raw] = {}
    is_problem = (reply.header(b"content-type") or b"").lower().startswith(MEDIA_TYPE.encode())
    if is_problem and (problem := _read(content)) is not None:
        members = problem
        type_uri = _string(members, "type") or NO_TYPE
        title, detail = _string(members, "title"), _string(members, "detail")
        if title is None and type_uri == NO_TYPE:
            title = responses.get(reply.status)
    return UpstreamClientError(
        reply.status,
        type_uri=type_uri,
        title=title,
        detail=detail,
        members={name: value for name, value in members.items() if name not in NOT_PASSED_ON},
        retry_after=_text(reply.header(b"retry-after")),
        challenge=_text(joined(reply.headers, b"www-authenticate")),
    )


def unavailable_of(reply: Reply) -> ServiceUnavailable:
    """The error of a response without content yet: a 503, or a 202 that is empty."""
    seconds = max(1.0, retry_after(reply.header(b"retry-after")) or 0.0)
    return ServiceUnavailable(f"it answered {reply.status}", retry_after=seconds)


def _read(content: bytes) -> dict[str, msgspec.Raw] | None:
    """The members of a problem; None when it is no JSON object, or nested too deeply."""
    if is_nested_too_deeply(content):
        return None
    try:
        str(content, "utf-8")  # what is not decoded is not checked by the decoder
        return _members(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _string(members: dict[str, msgspec.Raw], name: str) -> str | None:
    """A member of a problem; one of another type is ignored (RFC 9457, 3.1)."""
    try:
        return msgspec.json.decode(members[name], type=str)
    except (KeyError, msgspec.MsgspecError):
        return None


def _text(value: bytes | None) -> str | None:
    return value.decode("latin-1") if value else None
