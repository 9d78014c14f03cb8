"""The shop's gateway: its route table and its wiring."""
