"""`mrx aggregation rounds …`: the secretariat's commands."""

import typer

app = typer.Typer(help="Rounds and releases, for the secretariat.", no_args_is_help=True)
