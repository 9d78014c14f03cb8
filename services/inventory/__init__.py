"""Inventory: the stock of each article, and reservations of it."""
