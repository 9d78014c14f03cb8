"""Feed: what customers have done, in the feeds of those who follow them."""
