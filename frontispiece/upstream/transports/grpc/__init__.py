"""The transport for services over gRPC: requests and replies in JSON, by the descriptors of the service."""
