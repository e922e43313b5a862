"""One verb per use case. `owner` is the member that asks, or None for the secretariat, which owns what is public."""
