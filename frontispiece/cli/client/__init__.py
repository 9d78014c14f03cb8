"""The parts of a running project that commands call: its admin port, its broker, its import endpoint."""
