"""How a project's users log in."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from frontispiece.units import UrlPath


class Login(BaseModel):
    """How `front login` and the console get a token or a session."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: UrlPath = Field(description="The OpenID Connect provider's path at the gateway.")
    client_id: str = Field(description="The public client that tokens are issued to.")
    redirect_uri: str = Field(description="That client's redirect URI.")
    clients: dict[str, str] = Field(
        {}, description="Further public clients with their redirect URIs, for `front login --client`."
    )
    scope: str = Field("openid", description="The scopes that are requested, separated by spaces.")
    session: UrlPath | None = Field(
        None, description="The token handler's path: `[session] path` in the route table."
    )

    def by(self, client: str | None) -> Self:
        """The login by another of its clients, or the same.

        Raises:
            KeyError: there is no such client.
        """
        if client in {None, self.client_id}:
            return self
        return self.model_copy(update={"client_id": client, "redirect_uri": self.clients[str(client)]})
