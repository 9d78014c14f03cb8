"""The section `[edge]`: which proxies are trusted."""

from enum import StrEnum
from ipaddress import ip_network

from pydantic import Field, field_validator

from frontispiece.gateway.config.base import ConfigModel


class ForwardedStyle(StrEnum):
    """The headers in which proxies report the client."""

    X_FORWARDED = "x-forwarded"
    FORWARDED = "forwarded"


class Edge(ConfigModel):
    """How clients behind proxies are identified."""

    trusted_proxies: tuple[str, ...] = Field(
        (),
        description="Addresses and networks, such as 10.0.0.0/8: what they report of a client is believed.",
    )
    forwarded_header: ForwardedStyle = Field(
        ForwardedStyle.X_FORWARDED,
        description="x-forwarded: X-Forwarded-For and -Proto. forwarded: RFC 7239. The other is never "
        "believed: a proxy that does not know a header lets through what clients write into it.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        faults = []
        for text in texts:
            try:
                network = ip_network(text)
            except ValueError as fault:
                faults.append(f"{fault}: write an address or a network, such as 10.0.0.0/8")
                continue
            if network.prefixlen == 0:
                faults.append(f"{text!r} is everybody: then every client chooses its own address")
        if faults:
            raise ValueError("; ".join(faults))
        return texts
