"""Rate limits: how often a route may be called, counted in the process or by all gateways in a Valkey."""
