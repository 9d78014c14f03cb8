"""How a project's users log in."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ROUTE: Final = r"^/\S*$"
Route = Annotated[str, StringConstraints(pattern=ROUTE)]


class Login(BaseModel):
    """How `front login` and the console get a token or a session."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Route = Field(description="The OpenID Connect provider's path at the gateway.")
    client_id: str = Field(description="The public client that tokens are issued to.")
    redirect_uri: str = Field(description="That client's redirect URI.")
    scope: str = Field("openid", description="The scopes that are requested, separated by spaces.")
    session: Route | None = Field(
        None, description="The token handler's path: `[session] path` in the route table."
    )
