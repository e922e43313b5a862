"""Commands: they call a handler and show what it says."""
