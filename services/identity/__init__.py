"""Identity: an OpenID Connect provider."""
