"""Sources and values that both BFFs use."""
