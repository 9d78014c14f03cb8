"""Side-by-side measurements of the platform and of what people use in its place."""
