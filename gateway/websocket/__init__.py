"""WebSockets that pass through the gateway: a handshake is a call like any other, and then messages flow."""
