"""New projects: `project/` is the one that `front init` writes, as it is."""
