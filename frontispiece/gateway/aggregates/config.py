"""A part of an aggregate, as the route table declares it."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, StrictBool

from frontispiece.gateway.aggregates.target_template import Placeholder, TargetTemplate
from frontispiece.units import Duration, Matches


def _each(text: object) -> Placeholder:
    if not isinstance(text, str) or "." not in text:
        raise ValueError('write "part.field", which is a list')
    return Placeholder.parse(f"{{{text}}}")


FieldPath = Annotated[str, Matches(r"[^.]+(\.[^.]+)*", "field, such as price or price.amount")]
"""`price`, or `price.amount`; a path goes through lists to their elements."""

FieldName = Annotated[str, Matches(r"[^.]+", "name of a field: it has no dots")]


def _parameter(name: str) -> str:
    if not name or any(char in "&=%+#" or not char.isprintable() for char in name):
        raise ValueError(f"{name!r} is no name of a query parameter: write it decoded, such as page[size]")
    return name


Parameter = Annotated[str, AfterValidator(_parameter)]
"""The decoded name of a query parameter."""


class Batch(BaseModel):
    """How many elements are read by one call: `?key=a&key=b`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Parameter = Field(description="The query parameter that names an element, once for each.")
    by: FieldPath = Field(description="The field of an item that says which element it is.")
    items: FieldPath | None = Field(None, description="Where the items lie; the answer itself when left out.")
    max: int = Field(100, ge=1, le=100, strict=True, description="The most elements of one call.")


class Part(BaseModel):
    """One key of the answer: where it is read, and what of it is shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_: Annotated[
        InstanceOf[TargetTemplate], BeforeValidator(TargetTemplate.parse, json_schema_input_type=str)
    ] = Field(alias="from", description='"service:/path", with {path_parameter}, {part.field} and {each}.')
    query: tuple[Parameter, ...] = Field((), description="Query parameters of the request that go with it.")
    each: Annotated[InstanceOf[Placeholder], BeforeValidator(_each, json_schema_input_type=str)] | None = (
        Field(None, description='A list to read for each element of: "part.field".')
    )
    batch: Batch | None = Field(None, description="Reads all elements by one call.")
    keep: tuple[FieldPath, ...] = Field((), description="The only fields that are shown.")
    drop: tuple[FieldPath, ...] = Field((), description="Fields that are not shown.")
    rename: dict[FieldPath, FieldName] = Field(default_factory=dict, description="New names of fields.")
    optional: StrictBool = Field(False, description="Without it the answer still stands.")
    timeout: Duration | None = Field(None, description="Of this part, once what it needs is there.")
    fallback: Any = Field(None, description="Takes the place of an optional part that failed.")

    @property
    def effective_fallback(self) -> Any:
        """What is shown when an optional part failed: null by default, or an empty list with `each`."""
        return [] if self.each and "fallback" not in self.model_fields_set else self.fallback

    @property
    def reads(self) -> list[Placeholder]:
        """Placeholders that are filled from other parts."""
        every = [*self.from_.placeholders, *([self.each] if self.each else [])]
        return [placeholder for placeholder in every if placeholder.path]

    @property
    def needs(self) -> frozenset[str]:
        """The parts that it reads from."""
        return frozenset(placeholder.name for placeholder in self.reads)
