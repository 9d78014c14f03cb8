"""Basket: what each customer means to buy."""
