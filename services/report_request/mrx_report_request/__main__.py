"""`python -m mrx_report_request`."""

from mrx_shared.kit.serving import run
from mrx_shared.kit.settings import KafkaSettings, load

from mrx_report_request.app import build_app
from mrx_report_request.settings import Settings

if __name__ == "__main__":
    settings = load(Settings)
    run(build_app(settings, load(KafkaSettings)), settings)
