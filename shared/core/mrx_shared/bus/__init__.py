"""Delivery: nothing lost, nothing twice. Outbox and relay, inbox and subscriptions, dead letters, waiting room."""
