"""Alembic's entry into this service's migrations."""

from mrx_shared.store.migrations import run_environment

run_environment()
