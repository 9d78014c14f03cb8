"""The operators' backend: orders of all customers, what was sold, and sales."""
