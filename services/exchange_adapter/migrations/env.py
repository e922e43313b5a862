"""Alembic's entry: exchange_adapter's database, as its owner."""

from mrx_shared.store.migrations import run_environment

run_environment()
