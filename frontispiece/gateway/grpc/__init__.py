"""Native gRPC: Envoy carries the calls, and asks the gateway about each before it passes it on."""
