"""Looking at a project: checks, page graphs and timelines."""
