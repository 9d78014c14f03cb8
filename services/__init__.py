"""The shop's microservices: one folder each, all of one shape; none imports another."""
