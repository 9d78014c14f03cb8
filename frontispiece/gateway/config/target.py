"""Where calls are sent."""

from urllib.parse import urlsplit

from pydantic import model_validator

from frontispiece.gateway.config.base import ConfigModel, written_as
from frontispiece.http.paths import Template


class Target(ConfigModel):
    """Where a route leads: a service, and the path there when it differs from the public one."""

    model_config = written_as(type="string", pattern="^[^:]+(:/.*)?$")

    service: str
    """Its name in the table, or `name@version`."""
    path: Template | None

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, text: object) -> object:
        if not isinstance(text, str):
            raise ValueError('write "service" or "service:/path"')  # noqa: TRY004 (pydantic collects ValueErrors)
        if "://" in text:
            url = urlsplit(text)
            address, path = f"{url.scheme}://{url.netloc}", f":{url.path}" if url.path.strip("/") else ""
            hint = f'write [services.NAME] with url = "{address}", and here to = "NAME{path}"'
            raise ValueError(f"a URL is the address of a service: {hint}")
        service, colon, path = text.partition(":")
        return {"service": service, "path": Template.parse(path) if colon else None}
