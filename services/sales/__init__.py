"""Sales: the operator's figures, in columns."""
