"""Alembic's entry: the registry's database, as its owner."""

from mrx_shared.store.migrations import run_environment

run_environment()
