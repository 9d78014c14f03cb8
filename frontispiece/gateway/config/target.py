"""Where calls are sent."""

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import model_validator

from frontispiece.gateway.config.base import ConfigModel, written_as
from frontispiece.http.paths import Template

_METHOD: Final = re.compile(r"grpc://(?P<service>[^/:]+)(?:/(?P<method>[A-Za-z_][\w.]*\.[A-Za-z_]\w*))?")


class Target(ConfigModel):
    """Where a route leads: a service, and the path there when it differs from the public one."""

    model_config = written_as(
        type="string", pattern="^([^:]+(:/.*)?|grpc://[^/:]+(/[A-Za-z_][A-Za-z0-9_.]*)?)$"
    )

    service: str
    """Its name in the table, or `name@version`."""
    path: Template | None
    method: str | None = None
    """Of a service over gRPC: `Service.Method`; the route's placeholders are fields of its message."""

    is_native: bool = False
    """Whether it is called over gRPC, by whichever method the route's path says."""

    def __str__(self) -> str:
        if self.is_native:
            return f"grpc://{self.service}"
        return self.service if self.path is None else f"{self.service}:{self.path}"

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, text: object) -> object:
        if not isinstance(text, str):
            raise ValueError('write "service" or "service:/path"')  # noqa: TRY004 (pydantic collects ValueErrors)
        if found := _METHOD.fullmatch(text):
            return {**found.groupdict(), "path": None, "is_native": found["method"] is None}
        if text.startswith("grpc://"):
            raise ValueError('write "grpc://service", or "grpc://service/Service.Method" for JSON')
        if "://" in text:
            url = urlsplit(text)
            address, path = f"{url.scheme}://{url.netloc}", f":{url.path}" if url.path.strip("/") else ""
            hint = f'write [services.NAME] with url = "{address}", and here to = "NAME{path}"'
            raise ValueError(f"a URL is the address of a service: {hint}")
        service, colon, path = text.partition(":")
        return {"service": service, "path": Template.parse(path) if colon else None}
