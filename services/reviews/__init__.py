"""Reviews: what readers think of an article, and how they rate it in all."""
