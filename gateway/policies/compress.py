"""How the answers of a route are compressed."""

from typing import Literal

from pydantic import Field

from gateway.aggregate.parts import Yes
from gateway.policies import Part
from gateway.size import Size

Coding = Literal["zstd", "br", "gzip"]


class Compress(Part):
    """Which answers are compressed, and how."""

    codings: tuple[Coding, ...] = Field(
        ("zstd", "br", "gzip"), min_length=1, description="Those that are spoken; the first is liked best."
    )
    min: Size = Field(1024, description="Shorter answers are not worth it.")
    personal: Yes = Field(
        False,
        description="Also answers to somebody in particular: not where an answer repeats what others can put "
        "into a request beside a secret, for its length then tells the secret (BREACH).",
    )
