"""The mobile client's backend: lean screens."""
