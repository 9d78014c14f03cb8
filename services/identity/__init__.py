"""Identity: who somebody is, proved by OpenID Connect to those who ask."""
