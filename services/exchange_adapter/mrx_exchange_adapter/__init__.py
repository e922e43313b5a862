"""Channels by which a report comes."""
