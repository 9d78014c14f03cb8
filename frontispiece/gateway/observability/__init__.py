"""Access log, metrics and traces of the gateway."""
