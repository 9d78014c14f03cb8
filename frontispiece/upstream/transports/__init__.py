"""The transports: each has one method, `send(request) -> reply`."""
