"""Where the admin port is, and by which names it is called."""

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from kit.settings import Settings

OFF = "off"


class AdminSettings(Settings):
    """Where the gateway's admin port is."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    admin: str = Field(OFF, description="host:port of the admin port, on loopback or a network of its own.")
    admin_hosts: list[str] = Field(
        default_factory=list,
        description="Names, as JSON, by which it is called besides its own, addresses and localhost.",
    )

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

    @property
    def names(self) -> frozenset[str]:
        """By which names the port may be called."""
        host = self.address[0] if self.address else "localhost"
        return frozenset(name.lower() for name in ("localhost", host, *self.admin_hosts))
