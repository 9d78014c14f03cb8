"""Files on a route: the pages of a client, with all that they load."""
