"""A process that serves an API or pages."""

import uvicorn
from fastapi import FastAPI

from mrx_shared.kit.logging import configure
from mrx_shared.kit.settings import HttpSettings


def run(app: FastAPI, settings: HttpSettings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    configure(service=app.state.service, level=settings.log_level)
    uvicorn.run(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
    )
