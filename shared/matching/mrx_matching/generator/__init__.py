"""Seeded lists of audited supplier sites as members would send them, with the truth known."""
