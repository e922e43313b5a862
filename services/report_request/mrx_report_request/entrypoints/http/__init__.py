"""The HTTP API: routes, and what goes in and out."""
