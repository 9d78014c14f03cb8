"""The gateway platform; it knows no shop."""
