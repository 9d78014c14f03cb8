"""The registry of running instances: each says where it is, and whoever calls a service watches.

Stability: provisional.

Names of modules that need the extra `events` are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from frontispiece.registry.instance import Instance

__all__ = ["Instance", "Registry", "in_registry", "open_registry", "reachable", "registered"]

if TYPE_CHECKING:
    from frontispiece.registry.registration import in_registry, reachable, registered
    from frontispiece.registry.registry import Registry, open_registry
else:
    _MODULES = dict.fromkeys(("in_registry", "reachable", "registered"), "registration")
    _MODULES |= {"Registry": "registry", "open_registry": "registry"}

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(name)
        return getattr(import_module(f"frontispiece.registry.{_MODULES[name]}"), name)
