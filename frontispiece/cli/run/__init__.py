"""Running a project: its processes, their environment and their secrets."""
