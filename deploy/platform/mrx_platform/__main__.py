"""`python -m mrx_platform`."""

import uvicorn
from mrx_shared.kit.logging import configure
from mrx_shared.kit.settings import load

from mrx_platform.app import build_app
from mrx_platform.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    configure(service="platform", level=settings.log_level)
    uvicorn.run(
        build_app(settings),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
