"""A BFF for agents: its pages as tools and resources of the Model Context Protocol.

Stability: provisional.
"""

from frontispiece.agents.api import Agents
from frontispiece.agents.endpoint import AgentEndpoint

__all__ = ["AgentEndpoint", "Agents"]
