"""Basket: the articles that each customer intends to buy."""
