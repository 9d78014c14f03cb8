"""Compression: responses in the content coding that the client prefers, where that reveals no secret."""
