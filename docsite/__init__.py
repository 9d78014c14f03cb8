"""The documentation as a site: the Markdown of this repository, and a reference generated from the code."""
