"""The agents' backend."""

from bff.agent import basket, catalog, checkout, orders, ucp
from bff.clients import CLIENTS
from frontispiece.agents import Agents
from frontispiece.pages import bff

create_app = bff(
    "bff-agent",
    description="What an assistant does in a customer's name: tools of the Model Context Protocol.",
    pages=[*catalog.pages, *basket.pages, *checkout.pages, *orders.pages, *ucp.pages],
    clients=CLIENTS,
    apis=[
        Agents(
            "/mcp",
            title="The shop",
            instructions="Find products, put them into the basket, read the checkout draft, then place the "
            "order: only once the customer has seen the summary and agrees. Amounts are in minor units. "
            "An answer from which items were left out says by which `offset` it goes on.",
        )
    ],
)
