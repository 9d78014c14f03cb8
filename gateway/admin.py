"""The admin port: what operators and their tools ask the gateway itself; never the public's business."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, make_asgi_app
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from gateway.asgi import send_reply, told
from kit.asgi import App, Receive, Scope, Send
from kit.problems import Problem
from kit.settings import Settings

OFF = "off"


class AdminSettings(Settings):
    """Where the gateway's admin port is."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    admin: str = Field(OFF, description="host:port of the admin port, on loopback or a network of its own.")

    @field_validator("admin")
    @classmethod
    def _host_and_port(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if text != OFF and not (host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
            raise ValueError(f'{text!r} is no address: write "127.0.0.1:9100", or "{OFF}"')
        return text

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; None when there shall be none."""
        host, _, port = self.admin.rpartition(":")
        return (host, int(port)) if host else None


def admin_app(registry: CollectorRegistry) -> App:
    """The ASGI app of the admin port: `/metrics` in the formats of Prometheus, and nothing else."""
    pages: Mapping[str, App] = {"/metrics": make_asgi_app(registry)}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for phase in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{phase}.complete"})
        elif scope["type"] != "http":
            raise RuntimeError(f"The admin port does not speak {scope['type']}.")
        elif (page := pages.get(scope["path"])) is None:
            await send_reply(told(Problem(404, "no-route", "The admin port has /metrics only."), None), send)
        elif scope["method"] not in {"GET", "HEAD"}:
            allow = {"Allow": "GET, HEAD"}
            problem = Problem(405, "method-not-allowed", "This is read only.", headers=allow)
            await send_reply(told(problem, None), send)
        else:
            await page(scope, receive, send)

    return app
