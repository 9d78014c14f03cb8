"""Our own candidate: a gateway with its route table, and a BFF of a few pages."""
