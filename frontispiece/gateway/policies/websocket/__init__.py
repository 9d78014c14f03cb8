"""WebSockets: a handshake passes the layers like any other call, then messages are relayed."""
