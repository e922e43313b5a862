"""Alembic's entry: report_request's database, as its owner."""

from mrx_shared.store.migrations import run_environment

run_environment()
