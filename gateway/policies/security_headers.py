"""What browsers are told to be careful about, with every answer."""

from typing import Final, Literal

from pydantic import Field

from gateway.policies import Part

HTTPS_ONLY: Final = "strict_transport_security"

Off = Literal[False]

Referrer = Literal[
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
]


class SecurityHeaders(Part):
    """Fields of answers that a service has not set itself; `false` leaves one out."""

    strict_transport_security: str | Off = Field(
        "max-age=31536000",
        pattern=r"^max-age=\d+(; includeSubDomains)?(; preload)?$",
        description="Over https only: from now on come by https.",
    )
    x_content_type_options: Literal["nosniff"] | Off = Field(
        "nosniff", description="A media type is what it says."
    )
    x_frame_options: Literal["DENY", "SAMEORIGIN"] | Off = Field("DENY", description="Who may frame it.")
    referrer_policy: Referrer | Off = Field(
        "strict-origin-when-cross-origin", description="How much links tell of where they stood."
    )
    cross_origin_resource_policy: Literal["same-origin", "same-site", "cross-origin"] | Off = Field(
        "same-origin", description="Whose pages may embed it without asking (by CORS they may still call)."
    )
    cross_origin_opener_policy: (
        Literal["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"] | Off
    ) = Field(False, description="Whether windows that it opens, or that opened it, can reach it.")
    content_security_policy: str | Off = Field(
        False, pattern=r"^[\x20-\x7e]+$", description="What a page may load: pages know, APIs need none."
    )
    permissions_policy: str | Off = Field(
        False, pattern=r"^[\x20-\x7e]+$", description="Which of a browser's abilities a page may use."
    )

    def changed_by(self, other: "SecurityHeaders") -> "SecurityHeaders":
        """These, with what the other says instead."""
        return self.model_copy(update={key: getattr(other, key) for key in other.model_fields_set})

    def fields(self, *, secure: bool) -> list[tuple[bytes, bytes]]:
        """The header fields, for answers over https or not."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        if not secure:
            del told[HTTPS_ONLY]
        return [(name.replace("_", "-").encode(), value.encode()) for name, value in told.items() if value]
