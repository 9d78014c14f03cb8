"""The configuration of compression."""

from typing import Literal

from pydantic import Field, StrictBool, field_validator

from frontispiece.extras import check_extra
from frontispiece.gateway.config.base import ConfigModel
from frontispiece.units import Size

Coding = Literal["zstd", "br", "gzip"]

MODULES = {"zstd": "zstandard", "br": "brotli"}
"""The modules of the extra `compression`."""


class Compression(ConfigModel):
    """Which responses are compressed, and how."""

    codings: tuple[Coding, ...] = Field(
        ("zstd", "br", "gzip"),
        min_length=1,
        validate_default=True,
        description="Content codings in use, the preferred one first.",
    )
    min_size: Size = Field(1024, description="Shorter responses are not compressed.")
    authenticated: StrictBool = Field(
        False,
        description="Also responses to authenticated callers. Not where a response repeats parts of a "
        "request beside a secret: its length reveals the secret (BREACH).",
    )

    @field_validator("codings")
    @classmethod
    def _are_installed(cls, codings: tuple[Coding, ...]) -> tuple[Coding, ...]:
        for coding in codings:
            if coding in MODULES:
                check_extra("compression", MODULES[coding])
        return codings
