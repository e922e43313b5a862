"""`python -m mrx_exchange_adapter`."""

from mrx_shared.kit.serving import run
from mrx_shared.kit.settings import KafkaSettings, load

from mrx_exchange_adapter.app import build_app
from mrx_exchange_adapter.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run(build_app(settings, load(KafkaSettings)), settings)
