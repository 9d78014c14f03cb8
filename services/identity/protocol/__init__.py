"""OpenID Connect: endpoints, grants, keys and tokens."""
