"""`python -m mrx_portal`."""

from mrx_shared.kit.serving import run
from mrx_shared.kit.settings import load

from mrx_portal.app import build_app
from mrx_portal.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run(build_app(settings), settings)
