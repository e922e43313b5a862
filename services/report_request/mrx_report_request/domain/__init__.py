"""One request's life and what it comes to: no I/O, no clock."""
