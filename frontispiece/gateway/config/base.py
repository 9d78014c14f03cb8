"""What the configuration models of a route table have in common."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from frontispiece.units import Matches

FieldName = Annotated[
    str,
    Matches(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", "name of a header field of up to 64 characters"),
    AfterValidator(str.lower),
]
"""The name of a header field, in small letters."""


class ConfigModel(BaseModel):
    """A part of the table: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def written_as(**schema: Any) -> ConfigDict:
    """The configuration of a model that is written otherwise than as a table: as this JSON schema says."""

    def replace(of_model: dict[str, Any]) -> None:
        of_model.clear()
        of_model.update(schema)

    return ConfigDict(frozen=True, extra="forbid", json_schema_extra=replace)


def non_empty(message: str = "there is at least one, or leave it out") -> BeforeValidator:
    """Marks a list that has an item; checked before its items, so that a single faulty one is one fault."""

    def check(listed: object) -> object:
        if listed == []:
            raise ValueError(message)
        return listed

    return BeforeValidator(check)
