"""Users, their passwords, and the browsers at which they are logged in."""
