"""`python -m mrx_local` is `mrx local`."""

import sys

from mrx_shared.kit.command import run

from mrx_local.cli import app

sys.exit(run(app, sys.argv[1:]))
