"""What the configuration models of a route table have in common."""

from pydantic import BaseModel, BeforeValidator, ConfigDict


class ConfigModel(BaseModel):
    """A part of the table: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def non_empty(message: str = "there is at least one, or leave it out") -> BeforeValidator:
    """Marks a list that has an item; checked before its items, so that a single faulty one is one fault."""

    def check(listed: object) -> object:
        if listed == []:
            raise ValueError(message)
        return listed

    return BeforeValidator(check)
