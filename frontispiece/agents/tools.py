"""A page as a tool: the schemas of its arguments and its answer, and a request made of arguments."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Final, Self
from urllib.parse import quote

import msgspec
from msgspec import NODEFAULT, Meta
from msgspec.structs import replace

from frontispiece.agents import confirmations
from frontispiece.agents.messages import Json
from frontispiece.errors import ConfigError
from frontispiece.http.paths import AmbiguousPath, segments_of
from frontispiece.pages.api import ApiParts
from frontispiece.pages.endpoint import Endpoint
from frontispiece.pages.page import Page, Tool
from frontispiece.pages.plan import Origin
from frontispiece.pages.request import PageRequest, by_name
from frontispiece.security import Identity
from frontispiece.upstream import Reply, now

IDEMPOTENCY_KEY: Final = b"idempotency-key"

OF_THE_MESSAGE: Final = frozenset(
    {b"accept", b"content-type", b"content-length", b"if-none-match", IDEMPOTENCY_KEY}
)
"""Request headers that are about the message, not about the page."""

OFFSET: Final = "offset"
"""The argument by which an answer's list goes on where an earlier answer was cut."""

ABOUT_OFFSET: Final = "Items of this answer to skip, as the note of one that was cut says; no further page."

AGREES: Final = (
    "The first call does nothing: it answers with what it would do, and a `confirmation`. Show that to the "
    "user. "
    "Only once the user agrees, call again with the same arguments and the confirmation."
)


class PageTool:
    """A tool, compiled.

    Args:
        confirm: serves the page that it confirms by; None for a tool that acts at once.
    """

    def __init__(self, tool: Tool, endpoint: Endpoint, confirm: Endpoint | None) -> None:
        self.tool = tool
        self.endpoint = endpoint
        self.confirm = confirm
        self.page = endpoint.plan.page
        self.follow: PageTool | None = None
        """Shows the work that it has begun, as a task."""
        self.cancel: PageTool | None = None
        """Cancels it."""
        fields = list(_fields(endpoint))
        if tool.paged is not None:
            fields.append((OFFSET, Annotated[int, Meta(ge=0, description=ABOUT_OFFSET)], 0))
        if tool.confirm is not None:
            fields.append((confirmations.ARGUMENT, str | None, None))
        self._arguments = msgspec.defstruct(
            f"{tool.name}_arguments", fields, kw_only=True, forbid_unknown_fields=True
        )

    def errors(self) -> Iterator[str]:
        """Why it cannot work."""
        plan, name = self.endpoint.plan, self.tool.name
        if plan.view_type is Reply:
            yield f"the tool {name}: {plan.page.path} passes a response on, of which agents have no schema"
        for i in plan.inputs.values():
            confirmed = self.tool.confirm is not None and i.header.encode() == IDEMPOTENCY_KEY
            if i.origin is Origin.HEADER and i.required and not confirmed:
                yield f"the tool {name}: agents cannot send the header {i.header}: give it a default"
        if self.tool.uri is not None and plan.page.method != "GET":
            yield f"the tool {name} has a URI, but {plan.page.path} is not only read"
        if self.tool.paged not in {None, *getattr(plan.view_type, "__struct_fields__", ())}:
            yield f"the tool {name}: its view has no {self.tool.paged} to go on with"
        if self.tool.confirm is not None:
            if self.confirm is None:
                yield f"the tool {name} confirms by {self.tool.confirm.path}, which is no page of this BFF"
            elif unknown := _names(self.confirm) - _names(self.endpoint):
                yield f"the tool {name}: it has no argument {', '.join(sorted(unknown))} to confirm by"

    def bind(self, tools: Mapping[Page, Self]) -> Iterator[str]:
        """Set the tools of its tasks; gives the errors of those that cannot be."""
        if (task := self.tool.task) is None:
            return
        for page in (task.follow, task.cancel):
            if page is not None and page not in tools:
                yield f"the tool {self.tool.name}: {page.path} is no tool of this BFF, as its tasks need it"
            elif page is not None and tools[page].key is None:
                yield f"the tool {self.tool.name}: {page.path} needs other arguments than the id of a task"
        self.follow = tools.get(task.follow)
        self.cancel = tools.get(task.cancel) if task.cancel is not None else None
        view = self.endpoint.plan.view_type
        if self.follow is not None and self.follow.endpoint.plan.view_type != view:
            yield f"the tool {self.tool.name}: {task.follow.path} has another view, by which its tasks end"

    @property
    def key(self) -> str | None:
        """The only argument that it needs; None when it needs others, too."""
        required = [field.encode_name for field in msgspec.structs.fields(self._arguments) if field.required]
        return required[0] if len(required) == 1 else None

    def is_visible_to(self, caller: Identity | None) -> bool:
        """Whether a caller may use it, and so sees it."""
        return not self.missing_scopes(caller)

    def missing_scopes(self, caller: Identity | None) -> set[str]:
        """The scopes that a caller lacks."""
        return set(self.tool.scopes) - (caller.scopes if caller is not None else frozenset())

    @cached_property
    def description(self) -> Json:
        """How `tools/list` describes it."""
        is_read = self.page.method == "GET"
        about = self.tool.description or (self.endpoint.plan.view.__doc__ or "").strip().partition("\n\n")[0]
        return {
            "name": self.tool.name,
            "title": self.tool.title.capitalize(),
            "description": f"{about} {AGREES}" if self.confirm else about,
            "inputSchema": schema_of(self._arguments),
            "outputSchema": self._output_schema(),
            "annotations": {
                "readOnlyHint": is_read,
                "destructiveHint": self.confirm is not None or self.page.method == "DELETE",
                "idempotentHint": self.confirm is not None or self.page.method != "POST",
                "openWorldHint": False,
            },
        }

    def _output_schema(self) -> Json:
        view = self.endpoint.plan.view_type
        if self.confirm is None:
            return schema_of(view)
        fields = [
            ("summary", self.confirm.plan.view_type | None, None),
            ("confirmation", str | None, None),
            ("result", view | None, None),
        ]
        return schema_of(msgspec.defstruct(f"{self.tool.name}_answer", fields, kw_only=True))

    def check(self, arguments: Json) -> None:
        """Return when these arguments fit.

        Raises:
            ValidationError: they do not.
        """
        msgspec.convert(arguments, self._arguments)
        for i in self.endpoint.plan.inputs.values():
            if i.origin is Origin.PATH and not _is_segment(_text(arguments[i.name])):
                raise msgspec.ValidationError(f"No {i.name} is written like this - at `$.{i.name}`")

    def request(
        self, request: PageRequest, arguments: Json, endpoint: Endpoint, key: bytes | None = None
    ) -> tuple[PageRequest, bytes]:
        """The request to a page that arguments make, which fit, and its body."""
        headers = [field for field in request.headers if field[0] not in OF_THE_MESSAGE]
        headers.append((b"content-type", b"application/json"))
        if key is not None:
            headers.append((IDEMPOTENCY_KEY, key))
        path: dict[str, str] = {}
        query: dict[str, list[str]] = {}
        body = b""
        for i in endpoint.plan.inputs.values():
            if i.origin is Origin.BODY:
                names = {each.encode_name for each in msgspec.structs.fields(i.type)}
                body = msgspec.json.encode({name: arguments[name] for name in names & arguments.keys()})
            elif arguments.get(i.name) is not None and i.origin is Origin.PATH:
                path[i.name] = _text(arguments[i.name])
            elif arguments.get(i.name) is not None and i.origin is Origin.QUERY:
                value = arguments[i.name]
                query[i.name] = [_text(each) for each in (value if isinstance(value, list) else [value])]
        context = request.context
        deadline = min(context.deadline, now() + endpoint.deadline)
        of_page = replace(
            request,
            headers=headers,
            fields=by_name(headers),
            path=path,
            query=query,
            method=endpoint.plan.page.method,
            context=replace(context, deadline=deadline),
        )
        return of_page, body


def compiled_tools(parts: ApiParts) -> dict[str, PageTool]:
    """The tools of a BFF by name.

    Raises:
        ConfigError: some tool cannot work; every error is listed.
    """
    by_page = {endpoint.plan.page: endpoint for endpoint in parts.pages}
    errors: list[str] = []
    tools: dict[str, PageTool] = {}
    for page, endpoint in by_page.items():
        if (tool := page.agent) is None:
            continue
        made = PageTool(tool, endpoint, by_page.get(tool.confirm) if tool.confirm else None)
        errors += made.errors()
        if tools.setdefault(tool.name, made) is not made:
            errors.append(f"two tools are called {tool.name}")
        if tool.confirm is not None and not (tool.scopes and parts.secret):
            errors.append(f"the tool {tool.name}: what is confirmed needs scopes, and BFF_SIGNING_KEY")
    tool_of = {made.page: made for made in tools.values()}
    for made in tools.values():
        errors += made.bind(tool_of)
    if errors:
        raise ConfigError(errors)
    return tools


def schema_of(kind: Any) -> Json:
    """The JSON schema of a struct: an object at its root, as the protocol wants it."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    if (name := schema.get("$ref", "").rpartition("/")[2]) in components:
        schema = components.pop(name)
    return {**schema, "$defs": components} if components else schema


def _fields(endpoint: Endpoint) -> Iterator[tuple[str, Any, Any] | tuple[str, Any]]:
    """The arguments of a page: what its path and its query have, and each member of its body."""
    for i in endpoint.plan.inputs.values():
        if i.origin is Origin.BODY:
            yield from map(_member, msgspec.structs.fields(i.type))
        elif i.origin is not Origin.HEADER:
            yield (i.name, i.type) if i.required else (i.name, i.type, i.default)


def _member(field: Any) -> tuple[str, Any, Any] | tuple[str, Any]:
    if field.default is not NODEFAULT:
        return field.encode_name, field.type, field.default
    if field.default_factory is not NODEFAULT:
        return field.encode_name, field.type, msgspec.field(default_factory=field.default_factory)
    return field.encode_name, field.type


def _names(endpoint: Endpoint) -> set[str]:
    return {field[0] for field in _fields(endpoint)}


def _is_segment(value: str) -> bool:
    """Whether a path could have this value: a source may rely on that, which a request's path ensures."""
    try:
        (segment,) = segments_of(f"/{quote(value, safe='')}".encode())
    except AmbiguousPath:
        return False
    return segment != ""


def _text(value: Any) -> str:
    """A parameter as a request has it: JSON's `true`, and texts as they are."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
