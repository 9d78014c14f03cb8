"""Request validation: requests are checked against the OpenAPI 3 description of their service."""
