"""Technique that every part of MRX shares; it holds no rule of the scheme.

refusals   how a rule says no, understood by every edge
messages   what crosses a boundary: envelope, facts, topics
kit        settings, access, clock, ids, logs, metrics, the `mrx` command
bus        outbox, relay, inbox, subscriptions, dead letters, waiting room
store      PostgreSQL sessions with a tenant, migrations, object storage
testing    in-memory ports and the suites that real and in-memory ports both pass
"""
