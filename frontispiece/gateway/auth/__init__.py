"""Who is calling: bearer tokens, sessions and the internal tokens that services get."""
