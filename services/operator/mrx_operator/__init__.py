"""The operator's side: prepares servers, watches services, replays and verifies. No database, no process of its own.

Owns: nothing. Consumes: nothing. Publishes: nothing.
"""
