"""Shipping: what sending a parcel costs, and where the parcels of orders are."""
