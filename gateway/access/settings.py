"""Where the access log goes, and what it tells of clients."""

from enum import StrEnum
from typing import Final

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from kit.settings import Settings

OFF: Final = "off"
STDOUT: Final = "stdout"


class Addresses(StrEnum):
    """How much is told of a client's address."""

    NONE = "none"
    NETWORK = "network"
    WHOLE = "whole"


class AccessLogSettings(Settings):
    """The access log's settings."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    access_log: str = Field(OFF, description="`off`, `stdout`, or the file that lines are added to.")
    access_log_addresses: Addresses = Field(
        Addresses.NETWORK,
        description="What it tells of clients' addresses: `none`, `network` (/24, IPv6: /48) or `whole`.",
    )

    @field_validator("access_log")
    @classmethod
    def _somewhere(cls, text: str) -> str:
        if text not in {OFF, STDOUT} and "/" not in text:
            raise ValueError(f'{text!r} is no place: write "{OFF}", "{STDOUT}" or a path with a slash in it')
        return text
