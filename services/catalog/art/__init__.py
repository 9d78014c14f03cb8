"""The shop's own drawings: one kind of article a file: `draw(scene)`, and the `FOCUS` of its close view."""
