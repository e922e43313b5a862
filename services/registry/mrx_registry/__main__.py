"""`python -m mrx_registry`: the registry as a process."""

from mrx_shared.kit.serving import run
from mrx_shared.kit.settings import KafkaSettings, load

from mrx_registry.app import build_app
from mrx_registry.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run(build_app(settings, load(KafkaSettings)), settings)
