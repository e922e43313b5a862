"""`python -m mrx_aggregation` serves until SIGTERM."""

from mrx_shared.kit.serving import run
from mrx_shared.kit.settings import KafkaSettings, load

from mrx_aggregation.app import build_app
from mrx_aggregation.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run(build_app(settings, load(KafkaSettings)), settings)
