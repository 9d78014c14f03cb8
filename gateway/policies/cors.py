"""Which pages of other origins may call a route (the CORS protocol of the Fetch standard)."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from gateway.duration import LongDuration
from gateway.policies import Part

_ORIGIN: Final = re.compile(
    r"([a-z][a-z0-9+.-]*)://(?:\[[0-9a-f:]+\]|[a-z0-9_.-]+)(?::([1-9][0-9]{0,4}))?", re.ASCII
)
_OWN_PORTS: Final = {"http": "80", "https": "443"}
_TOKEN: Final = r"^[A-Za-z0-9!#$%&'+.^_`|~-]+$"  # noqa: S105 (RFC 9110's word for a name)

ANY: Final = "*"


def _origin(text: str) -> str:
    if text == ANY:
        return text
    if text == "null":
        raise ValueError(
            '"null" is the origin of any sandboxed page: nobody in particular can be let in by it'
        )
    match = _ORIGIN.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is no origin as browsers send it: write "https://app.example", or "*"')
    if match[2] and match[2] == _OWN_PORTS.get(match[1]):
        raise ValueError(f"{text!r} has the port of its scheme, which browsers leave out")
    return text


Origin = Annotated[str, AfterValidator(_origin)]
FieldName = Annotated[str, Field(pattern=_TOKEN), AfterValidator(str.lower)]
Named = FieldName | Annotated[str, Field(pattern=r"^\*$")]


class Cors(Part):
    """Pages of which origins may call, and what they may send and see."""

    origins: tuple[Origin, ...] = Field(
        min_length=1, description='Exactly as browsers send them: "https://app.example"; "*" is any page.'
    )
    methods: tuple[str, ...] | None = Field(
        None, min_length=1, description="Of the route's methods; all when left out."
    )
    headers: tuple[Named, ...] = Field(
        ("content-type",), description='What pages may send beyond the safelisted; "*" all but Authorization.'
    )
    expose: tuple[Named, ...] = Field((), description="Headers of answers that pages may read.")
    credentials: bool = Field(False, description="Whether cookies may come along.")
    max_age: LongDuration = Field(
        timedelta(minutes=10), description="How long browsers remember that they may; most stop at 2 h."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if faults := list(self._between_keys()):
            raise ValueError("; ".join(faults))
        return self

    def _between_keys(self) -> Iterator[str]:
        if ANY in self.origins and len(self.origins) > 1:
            yield 'origins: "*" is all of them: name none beside it'
        if not self.credentials:
            return
        if ANY in self.origins:
            yield "credentials are not for any page that likes: name the origins"
        for key in ("headers", "expose"):
            if ANY in getattr(self, key):
                yield f'{key}: with credentials browsers take "*" for a name: write the names'


def faults(cors: Cors, methods: Iterable[str]) -> Iterator[str]:
    """What is wrong between the policy and the methods of its route."""
    served = set(methods)
    if "GET" in served:
        served.add("HEAD")
    if strange := sorted(set(cors.methods or ()) - served):
        yield f"cors: methods has {', '.join(strange)}, which the route does not answer"
