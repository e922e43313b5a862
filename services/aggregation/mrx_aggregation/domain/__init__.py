"""The rules of lists, sites, rounds and releases."""
