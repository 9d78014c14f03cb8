"""Inventory: how many of each article there are, and who has set some aside."""
